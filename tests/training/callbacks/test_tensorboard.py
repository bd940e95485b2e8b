"""TensorBoard: real event files, read back with tensorboard's own reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import zlib

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch import nn

from layergraph import Input, Model, Sequential, callbacks, layers
from layergraph.errors import ArgumentError, MissingExtraError
from layergraph.training import Compiled, fit
from layergraph.training.callbacks.events import clean_tag, png
from layergraph.training.callbacks.graphs import boxes_of

X, Y = np.random.default_rng(0).random((12, 2), "float32"), np.ones((12, 1), "float32")


def read(folder):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    found.Reload()
    return found


def scalars(folder, tag):
    return [(each.step, each.value) for each in read(folder).Scalars(tag)]


def small():
    model = Sequential([Input((2,), name="point"), layers.Dense(3, activation="relu", name="hidden"), layers.Dense(1, name="out")])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def float32(values):
    return [float(np.float32(value)) for value in values]


def test_epochs(tmp_path):
    model = small()
    history = model.fit(X, Y, 4, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[callbacks.TensorBoard(tmp_path)]).history
    for name in ("loss", "mae"):
        assert scalars(tmp_path / "train", f"epoch_{name}") == list(enumerate(float32(history[name])))
        assert scalars(tmp_path / "validation", f"epoch_{name}") == list(enumerate(float32(history[f"val_{name}"])))
    assert scalars(tmp_path / "train", "epoch_learning_rate") == [(i, float(np.float32(0.001))) for i in range(3)]
    tested = float32(history["val_loss"])
    assert scalars(tmp_path / "validation", "evaluation_loss_vs_iterations") == list(zip([3, 6, 9], tested, strict=True))
    assert set(read(tmp_path / "train").Tags()["scalars"]) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}


@pytest.mark.parametrize(("freq", "steps"), [("batch", range(1, 7)), (1, range(1, 7)), (4, [4])])
def test_batches(tmp_path, freq, steps):
    seen = {}

    class Look(callbacks.Callback):
        step = 0

        def on_train_batch_end(self, batch, logs=None):
            self.step += 1
            seen[self.step] = logs["loss"]

    small().fit(X, Y, 4, epochs=2, verbose=0, callbacks=[Look(), callbacks.TensorBoard(tmp_path, update_freq=freq)])
    assert scalars(tmp_path / "train", "batch_loss") == [(step, float(np.float32(seen[step]))) for step in steps]


def test_a_resumed_training_counts_on(tmp_path):
    board = callbacks.TensorBoard(tmp_path, update_freq=1)
    small().fit(X, Y, 4, verbose=0, callbacks=[board])
    again = callbacks.TensorBoard(tmp_path, update_freq=1)
    again.load_state_dict(board.state_dict())
    assert again.train_batches == 3


def test_logs_are_only_read_when_they_are_written(tmp_path):
    class Logs(dict):
        def items(self):
            raise AssertionError("read")

    board = callbacks.TensorBoard(tmp_path, update_freq=10)
    board.set_model(small())
    board.on_train_begin()
    for batch in range(9):
        board.on_train_batch_end(batch, Logs())
    board.close()


def test_steps_per_second(tmp_path):
    small().fit(X, Y, 4, epochs=2, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path, write_steps_per_second=True)])
    assert [step for step, value in scalars(tmp_path / "train", "batch_steps_per_second") if value > 0] == [1, 2, 3, 4, 5, 6]
    assert [step for step, value in scalars(tmp_path / "train", "epoch_steps_per_second") if value > 0] == [0, 1]


def test_histograms_and_pictures(tmp_path):
    model = small()
    board = callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True)
    model.fit(X, Y, 4, epochs=3, verbose=0, callbacks=[board])
    found = read(tmp_path / "train")
    assert set(found.Tags()["histograms"]) == {f"{each}/histogram" for each in ("hidden/kernel", "hidden/bias", "out/kernel", "out/bias")}
    events = found.Histograms("hidden/kernel/histogram")
    assert [each.step for each in events] == [0, 2]
    last, kernel = events[-1].histogram_value, model.get_layer("hidden").get_weights()[0].astype("float64")
    assert (last.num, last.min, last.max) == (6, kernel.min(), kernel.max())
    assert last.sum == pytest.approx(kernel.sum(), rel=1e-12)
    assert last.sum_squares == pytest.approx(np.square(kernel).sum(), rel=1e-12)
    assert sum(last.bucket) == 6
    assert last.bucket_limit[-1] == kernel.max()
    image = found.Images("hidden/kernel/image")[-1]
    assert (image.height, image.width) == (2, 3)
    assert image.encoded_image_string.startswith(b"\x89PNG")


def test_weights_that_are_not_finite_are_not_counted(tmp_path):
    model = small()
    with torch.no_grad():
        model.hidden.weight[0, 0] = float("nan")
        model.hidden.bias.fill_(float("inf"))
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1, write_images=True)
    board.set_model(model)
    board.on_train_begin()
    board.on_epoch_end(0, {"loss": float("nan")})
    board.close()
    found = read(tmp_path / "train")
    assert found.Histograms("hidden/kernel/histogram")[0].histogram_value.num == 5
    assert "hidden/bias/histogram" not in found.Tags()["histograms"]
    assert np.isnan(found.Scalars("epoch_loss")[0].value)


def graph(folder):
    return {node.name: node for node in read(folder).Graph().node}


def shapes(node):
    return [[size.size for size in shape.dim] for shape in node.attr["_output_shapes"].list.shape]


def test_the_graph_has_the_names_the_user_gave(tmp_path):
    a = Input((4,), name="inner_in")
    inner = Model(a, [layers.Dense(5, name="first")(a), layers.Dense(6, name="second")(a)], name="inner")
    image = Input((4, 4, 3), name="image")
    other = Input((4,), name="other")
    h = torch.flatten(layers.Conv2D(1, 3, name="stem")(image), 1)
    shared = layers.Dense(4, name="shared")
    h = shared(shared(h) + other)
    one, two = inner(h)
    model = Model([image, other], [layers.Dense(1, name="head")(two), one])
    board = callbacks.TensorBoard(tmp_path)
    board.set_model(model)
    board.on_train_begin()
    board.close()
    nodes = graph(tmp_path / "train")
    edges = {name: list(node.input) for name, node in nodes.items()}
    assert edges == {
        "image": [],
        "other": [],
        "stem": ["image"],
        "flatten": ["stem"],
        "shared": ["flatten"],
        "add": ["shared", "other"],
        "shared_call_2": ["add"],
        "inner/first": ["shared_call_2"],
        "inner/second": ["shared_call_2"],
        "head": ["inner/second"],
    }
    assert {name: node.op for name, node in nodes.items()} == {
        **{"image": "InputLayer", "other": "InputLayer", "stem": "Conv2D", "flatten": "flatten", "add": "add"},
        **dict.fromkeys(["shared", "shared_call_2", "inner/first", "inner/second", "head"], "Dense"),
    }
    assert shapes(nodes["image"]) == [[-1, 4, 4, 3]]
    assert shapes(nodes["stem"]) == [[-1, 2, 2, 1]]
    assert shapes(nodes["inner/second"]) == [[-1, 6]]


def test_a_model_inside_a_model_that_is_called_again():
    a = Input((4,), name="a")
    deep = Sequential([Input((4,)), layers.Dense(4, name="deepest")], name="deep")
    inner = Model(a, deep(a), name="inner")
    x = Input((4,), name="x")
    boxes = {box.name: box.inputs for box in boxes_of(Model(x, inner(inner(x))))}
    assert boxes == {"x": (), "inner/deep/deepest": ("x",), "inner_call_2/deep/deepest": ("inner/deep/deepest",)}


def test_the_graph_of_other_modules():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
            self.head = nn.Linear(2, 1)

    boxes = {box.name: (box.op, box.inputs) for box in boxes_of(nn.Sequential(Block(), nn.Flatten()))}
    assert boxes == {
        "0/body/0": ("Linear", ()),
        "0/body/1": ("ReLU", ("0/body/0",)),
        "0/head": ("Linear", ()),
        "1": ("Flatten", ()),
    }


def test_a_model_that_learns_its_shapes_is_drawn_then(tmp_path):
    model = Sequential([layers.Dense(3, name="late"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    assert "late" in graph(tmp_path / "train")


def test_hostile_names(tmp_path):
    name = "a<script>\"'\n\x1b[31m`b"
    x = Input((2,), name="in\nput")
    model = Model(x, layers.Dense(1, name=name)(layers.Dense(2, name="a_script____n_31m_b")(x)))
    model.compile("sgd", "mse")
    board = callbacks.TensorBoard(tmp_path, histogram_freq=1)
    script = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update({"<b>\n": 1.0}))
    model.fit(X, Y, verbose=0, callbacks=[script, board])
    found = read(tmp_path / "train")
    words = [*graph(tmp_path / "train"), *found.Tags()["histograms"], *found.Tags()["scalars"]]
    assert len(words) == len(set(words)) == 3 + 4 + 3
    assert all(set(word).isdisjoint("<>\"'\n\x1b`") for word in words)
    assert "epoch__b__" in words


def test_a_plain_module_with_a_torch_optimizer(tmp_path):
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    compiled = Compiled(torch.optim.SGD(module.parameters(), lr=0.5), "mse")
    fit(module, compiled, X, Y, 4, verbose=0, validation_data=(X, Y), callbacks=[callbacks.TensorBoard(tmp_path, histogram_freq=1)])
    assert scalars(tmp_path / "train", "epoch_learning_rate") == [(0, 0.5)]
    assert [step for step, _ in scalars(tmp_path / "validation", "evaluation_loss_vs_iterations")] == [3]
    assert {"0/weight/histogram", "1/running_var/histogram"} < set(read(tmp_path / "train").Tags()["histograms"])


def test_files_are_closed_after_an_error(tmp_path):
    board = callbacks.TensorBoard(tmp_path)

    def fail(epoch, logs):
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        small().fit(X, Y, 4, epochs=2, verbose=0, callbacks=[board, callbacks.LambdaCallback(on_epoch_end=fail)])
    assert board.files == {}
    assert len(scalars(tmp_path / "train", "epoch_loss")) == 1


KILLED = """
import sys, numpy as np
from layergraph import Input, Sequential, callbacks, layers
model = Sequential([Input((2,)), layers.Dense(1)])
model.compile("sgd", "mse")
said = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, flush=True))
x, y = np.ones((2, 2), "float32"), np.ones((2, 1), "float32")
model.fit(x, y, epochs=100000, verbose=0, callbacks=[callbacks.TensorBoard(sys.argv[1]), said])
"""


def test_a_kill_loses_no_epoch_that_was_done(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        last = next(number for number in map(int, process.stdout) if number >= 20)
        process.send_signal(signal.SIGKILL)
    steps = [step for step, _ in scalars(tmp_path / "train", "epoch_loss")]
    assert steps[: last + 1] == list(range(last + 1))


def test_what_is_cut_off_is_skipped_by_the_reader(tmp_path):
    small().fit(X, Y, 4, epochs=3, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    (path,) = (tmp_path / "train").iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    assert len(scalars(tmp_path / "train", "epoch_loss")) == 3
    assert next(iter(EventFileLoader(str(path)).Load())).file_version == "brain.Event:2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile_batch": 2}, r"profile_batch=2\) is not in layergraph(.|\n)*fix: torch.profiler"),
        ({"embeddings_freq": 1}, r"embeddings_freq=1\) is not in layergraph(.|\n)*add_embedding"),
        ({"update_freq": "step"}, "wanted 'epoch', 'batch' or a number of batches"),
        ({"update_freq": 0}, "wanted 'epoch', 'batch' or a number of batches"),
        ({"histogram_freq": -1}, "wanted a whole number of epochs"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        callbacks.TensorBoard(**arguments)


def test_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(MissingExtraError, match=r'needs tensorboard(.|\n)*fix: pip install "layergraph\[tensorboard\]"'):
        small().fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path / "logs")])


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "logs").write_text("")
    with pytest.raises(ArgumentError, match="is a file"):
        small().fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path / "logs")])


def test_tags():
    assert clean_tag("") == "_"
    assert clean_tag("a/b_c-d.e 1") == "a/b_c-d.e 1"
    assert len(clean_tag("x" * 1000)) == 500


def test_png():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    found = png(pixels)
    assert found[16:24] == (3).to_bytes(4, "big") + (2).to_bytes(4, "big")
    start = found.index(b"IDAT") + 4
    assert zlib.decompressobj().decompress(found[start:]) == b"\0\0\1\2\0\3\4\5"
