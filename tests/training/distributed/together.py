"""Launched by test_together.py: training in several processes against training in one, on the same batches."""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from launching import check_all
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from layergraph import Input, Model, Sequential, callbacks, layers, losses, metrics
from layergraph.training import Compiled, evaluate, fit, predict
from layergraph.training.devices.processes import alone

RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
N = 50  # in batches of 16: the last has 2, which of 4 processes leaves two without any

warnings.simplefilter("error")


def data(seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 6)).astype("float32")
    return x, rng.integers(0, 3, N), rng.uniform(0.5, 2, N).astype("float32")


def classifier(**options) -> Model:
    torch.manual_seed(RANK)  # not the same in each process: fit makes them so
    x = Input((6,))
    return Model(x, layers.Dense(3, activation="softmax", **options)(layers.Dense(8, activation="tanh", **options)(x)))


def twins(model: nn.Module):
    """The model that the first process has, twice."""
    model.load_state_dict({key: first(value) for key, value in model.state_dict().items()})
    return model, copy.deepcopy(model)


def first(value: torch.Tensor) -> torch.Tensor:
    value = value.clone()
    torch.distributed.broadcast(value, 0)
    return value


def same(one, two, rtol=1e-5, atol=1e-6) -> None:
    np.testing.assert_allclose(np.asarray(one), np.asarray(two), rtol=rtol, atol=atol)


def same_weights(one: nn.Module, two: nn.Module) -> None:
    for (name, value), other in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        same(value, other)
        assert torch.equal(first(value), value), name


def same_history(one, two) -> None:
    assert list(one.history) == list(two.history)
    for name in one.history:
        same(one.history[name], two.history[name], rtol=1e-6, atol=1e-7)


def compare(model: nn.Module, compile_with: dict, *args, **kwargs) -> None:
    """One model trained here alone, its twin by all together: the same losses, metrics and weights."""
    together, apart = twins(model)
    histories = []
    for one, distribute in ((apart, False), (together, "auto")):
        torch.manual_seed(7)
        options = {
            key: value() if isinstance(value, type(lambda: 0)) and key != "loss" else copy.deepcopy(value)
            for key, value in compile_with.items()
        }
        compiled = Compiled(**options, distribute=distribute)
        histories.append(fit(one, compiled, *args, **{"epochs": 2, "batch_size": 16, "verbose": 0, **kwargs}))
    same_history(*histories)
    same_weights(together, apart)


# --- what fit does


def check_first_meeting():
    """The group is made by fit, on 127.0.0.1, and weights that differ become those of the first process."""
    assert not torch.distributed.is_initialized()
    model = classifier()
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y, _ = data()
    history = model.fit(x, y, batch_size=16, epochs=2, verbose=0)
    assert torch.distributed.get_world_size() == SIZE
    for value in model.state_dict().values():
        assert torch.equal(first(value), value)
    if RANK == 0:
        alone_model = classifier()
        alone_model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"], distribute=False)
        same_history(alone_model.fit(x, y, batch_size=16, epochs=2, verbose=0), history)
    assert {port for port in listening() if not port.startswith("0100007F")} == set()


def listening() -> set[str]:
    """The sockets of this process that listen, as /proc writes them."""
    inodes = set()
    for handle in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{handle}")
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    found = set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.add(fields[1])
    assert found
    return found


def check_arrays():
    x, y, w = data()
    compare(classifier(), {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}, x, y)
    compare(
        classifier(),
        {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy", "weighted_metrics": ["accuracy"]},
        x,
        y,
        sample_weight=w,
        shuffle=False,
        validation_split=0.3,
    )


def check_reductions():
    x, y, w = data()
    hot = np.eye(3, dtype="float32")[y]
    for reduction in ("sum", "mean_with_sample_weight", "sum_over_batch_size"):
        compare(classifier(), {"optimizer": "sgd", "loss": losses.CategoricalCrossentropy(reduction=reduction)}, x, hot, sample_weight=w)
    weights = torch.tensor([0.2, 1.0, 3.0])
    for loss in (nn.CrossEntropyLoss(weight=weights, ignore_index=1), nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="sum")):
        compare(classifier(), {"optimizer": "sgd", "loss": loss}, x, y)
    compare(classifier(), {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"}, x, y, class_weight={0: 1.0, 1: 5.0, 2: 0.3})


def check_penalties():
    x, y, _ = data()
    model = classifier(kernel_regularizer="l2", activity_regularizer="l2")
    compare(model, {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"}, x, y)


def check_masks():
    rng = np.random.default_rng(1)
    words = rng.integers(1, 9, (N, 5))
    for row, length in zip(words, rng.integers(1, 6, N), strict=True):
        row[length:] = 0
    torch.manual_seed(0)
    x = Input((5,), dtype="int64")
    model = Model(x, layers.Dense(3, activation="softmax")(layers.Embedding(9, 4, mask_zero=True)(x)))
    assert model.output_masks is not None
    loss = "sparse_categorical_crossentropy"
    compare(model, {"optimizer": "adam", "loss": loss, "metrics": ["accuracy"]}, words, rng.integers(0, 3, (N, 5)))


def check_several_outputs():
    """One of them without a loss: its weights get no gradient, which torch's wrapper must know."""
    x, y, _ = data()
    torch.manual_seed(0)
    a = Input((6,), name="a")
    hidden = layers.Dense(8, activation="relu")(a)
    outputs = [layers.Dense(3, activation="softmax", name="kind")(hidden), layers.Dense(1, name="size")(hidden), layers.Dense(2)(hidden)]
    compile_with = {
        "optimizer": "adam",
        "loss": ["sparse_categorical_crossentropy", "mse", None],
        "loss_weights": [1.0, 0.3, None],
        "metrics": [["accuracy"], ["mae"], []],
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Gradients do not exist for variables")
        compare(Model(a, outputs), compile_with, x, [y, x[:, :1], x[:, :2]])


def check_clipping():
    x, y, _ = data()
    from layergraph.optimizers import SGD

    loss = "sparse_categorical_crossentropy"
    compare(classifier(), {"optimizer": lambda: SGD(0.5, momentum=0.9, global_clipnorm=0.05), "loss": loss}, x, y)
    compare(classifier(), {"optimizer": lambda: SGD(0.5, clipnorm=0.05, weight_decay=0.01), "loss": loss}, x, y)


def check_any_module():
    x, y, _ = data()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, x):
            return self.last(self.first(x).relu())

    compare(Net(), {"optimizer": torch.optim.AdamW, "loss": nn.CrossEntropyLoss(), "metrics": ["accuracy"]}, x, y)
    lazy = Sequential([layers.Dense(4, activation="relu"), layers.Dense(3, activation="softmax")])
    lazy.compile("adam", loss="sparse_categorical_crossentropy")
    lazy.fit(x, y, batch_size=16, verbose=0)
    for value in lazy.state_dict().values():
        assert torch.equal(first(value), value)


def check_loaders():
    x, y, w = (torch.as_tensor(part) for part in data())
    compile_with = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    read = []

    class Watched(TensorDataset):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    loader = DataLoader(Watched(x, y, w), batch_size=16, shuffle=True)
    together, _ = twins(classifier())
    compiled = Compiled(**compile_with)
    fit(together, compiled, loader, verbose=0)
    assert len(read) <= N // SIZE + 5 + SIZE  # a part of the samples, not all
    compare(classifier(), compile_with, DataLoader(Watched(x, y), batch_size=16), batch_size=None)

    class Stream(IterableDataset):
        def __iter__(self):
            return iter(zip(x, y, strict=True))

    compare(classifier(), compile_with, DataLoader(Stream(), batch_size=16), batch_size=None)
    loader = DataLoader(TensorDataset(x, y), batch_size=10, shuffle=True, num_workers=1)
    fit(together, Compiled(**compile_with), loader, epochs=2, verbose=0)
    same(*[value.detach() for value in (next(together.parameters()), first(next(together.parameters()).detach()))])


def check_norm():
    """Statistics of each process's part; the moving ones are averaged at the end of an epoch, as Keras's distribution does."""
    x, _, _ = data()
    model = Sequential([Input((6,)), layers.BatchNormalization(momentum=0.5), layers.Dense(1)])
    model.compile("sgd", loss="mse")
    model.fit(x[:32], x[:32, :1], batch_size=32, shuffle=False, verbose=0)
    parts = torch.as_tensor(x[:32]).chunk(SIZE)
    mean = 0.5 * torch.stack([part.mean(0) for part in parts]).mean(0)
    var = 0.5 + 0.5 * torch.stack([part.var(0) for part in parts]).mean(0)
    norm = next(part for part in model.modules() if isinstance(part, nn.BatchNorm1d))
    same(norm.running_mean, mean)
    same(norm.running_var, var)


def check_dropout():
    """Each process draws masks of its own, the first one those that it would draw alone; afterwards all have one stream again."""
    torch.manual_seed(3)
    seen = []

    class Watch(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            out = self.drop(torch.ones_like(x) * self.scale)
            seen.append(out.detach().clone())
            return out

    x = torch.zeros(32, 20)
    fit(Watch(), Compiled("sgd", loss="mse"), x, x, batch_size=32, verbose=0)
    own = seen[0] != 0
    others = [torch.empty_like(own.float()) for _ in range(SIZE)]
    torch.distributed.all_gather(others, own.float())
    assert len({tuple(mask.flatten().tolist()) for mask in others}) == SIZE
    assert len({float(first(torch.rand(()))), float(torch.rand(()))}) >= 1
    state = torch.get_rng_state()
    assert torch.equal(first(state), state)


# --- evaluate, predict, callbacks


def check_evaluate_and_predict():
    x, y, w = data()
    model, _ = twins(classifier())
    compile_with = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    apart = evaluate(model, Compiled(**compile_with, distribute=False), x, y, sample_weight=w, batch_size=16, verbose=0)
    same(evaluate(model, Compiled(**compile_with), x, y, sample_weight=w, batch_size=16, verbose=0), apart, rtol=1e-6)
    expected = predict(model, x, batch_size=16, verbose=0, compiled=Compiled("sgd", "mse", distribute=False))
    for size in (16, 7, 1, 64):
        same(predict(model, x, batch_size=size, verbose=0), expected, rtol=1e-6)
    loader = DataLoader(TensorDataset(torch.as_tensor(x)), batch_size=9)
    same(predict(model, loader, verbose=0), expected, rtol=1e-6)
    assert predict(model, x[:0], verbose=0).shape == (0, 3)
    if RANK == 0:
        with alone():
            same(predict(model, x, verbose=0), expected, rtol=1e-6)


def check_who_talks(capture=None):
    import contextlib
    import io

    x, y, _ = data()
    told = io.StringIO()
    model, _ = twins(classifier())
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    ran = []

    class Everywhere(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ran.append("everywhere")

    class Writes(callbacks.Callback):
        every_process = False

        def on_epoch_end(self, epoch, logs=None):
            ran.append("writes")

    stopping = callbacks.EarlyStopping("loss", patience=0, baseline=0.0, verbose=1, restore_best_weights=True, min_delta=10.0)
    with contextlib.redirect_stdout(told):
        history = model.fit(x, y, epochs=9, verbose=2, callbacks=[Everywhere(), Writes(), stopping])
        model.evaluate(x, y)
    assert len(history.epoch) == 2
    if RANK == 0:
        assert "Epoch 1/9" in told.getvalue()
        assert "early stopping" in told.getvalue()
        assert ran == ["everywhere", "writes"] * 2
    else:
        assert told.getvalue() == ""
        assert ran == ["everywhere"] * 2
    values = [first(torch.tensor(value)) for value in history.history["loss"]]
    assert values == history.history["loss"]


def check_agreed_stop():
    """One process asks to stop in the middle of an epoch: all of them stop at that batch."""
    x, y, _ = data()
    model, _ = twins(classifier())
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    seen = []

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            if RANK == SIZE - 1 and batch == 2:
                self.model.stop_training = True

    model.fit(x, y, batch_size=5, epochs=3, verbose=0, callbacks=[Stop()])
    assert seen == [0, 1, 2]
    x = x.copy()
    x[N - 1] = np.nan  # in the part of one process only, of the last batch
    model, _ = twins(classifier())
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(x, y, batch_size=25, epochs=4, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1


def check_a_checkpoint():
    """Two epochs, saved, and two by another model, from another random state: the four epochs of a run that was not left, bit by bit."""
    x, y, _ = data()
    folder = Path(os.environ["FOLDER"])

    def trained(model, epochs, seed, *saver):
        torch.manual_seed(seed + RANK)
        compiled = Compiled("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return fit(model, compiled, x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[*saver])

    def network():
        torch.manual_seed(3)
        return Sequential([Input((6,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(3, activation="softmax")])

    whole = network()
    history = trained(whole, 4, 7)
    trained(network(), 2, 7, callbacks.BackupAndRestore(folder, delete_checkpoint=False))
    rest = network()
    resumed = trained(rest, 4, 1234, callbacks.BackupAndRestore(folder))
    assert resumed.history == history.history
    for one, other in zip(whole.state_dict().values(), rest.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    torch.distributed.barrier()
    assert not folder.exists()


def check_again():
    """The object is the same after fit, and goes on: another fit, a plain loop, an evaluation in a callback."""
    x, y, _ = data()
    model, twin = twins(classifier())
    keys = list(model.state_dict())
    model.compile("adam", loss="sparse_categorical_crossentropy")
    twin.compile("adam", loss="sparse_categorical_crossentropy", distribute=False)
    found = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: found.append(model.evaluate(x, y, verbose=0)))
    for one in (model, twin):
        torch.manual_seed(1)
        for _ in range(2):
            one.fit(x, y, batch_size=16, epochs=1, verbose=0, callbacks=[look] if one is model else None)
    assert list(model.state_dict()) == keys
    assert type(model) is not nn.parallel.DistributedDataParallel
    same_weights(model, twin)
    same(found[-1], twin.evaluate(x, y, verbose=0), rtol=1e-6)
    assert model.optimizer.iterations == twin.optimizer.iterations == 8
    model.optimizer.step()


def check_metrics():
    x, y, _ = data()
    hot = np.eye(3, dtype="float32")[y]
    own = ["mse", metrics.CosineSimilarity(), metrics.RootMeanSquaredError(), metrics.TopKCategoricalAccuracy(2)]
    compare(classifier(), {"optimizer": "sgd", "loss": "mse", "metrics": own}, x, hot, validation_data=(x[:21], hot[:21]))
    foreign = Errors()
    together, apart = twins(classifier())
    look = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: logs["errors"] if RANK == 0 else None)
    histories = []
    for one, distribute, seen in ((apart, False, []), (together, "ddp", [look])):
        torch.manual_seed(7)
        compiled = Compiled("sgd", "mse", metrics=[foreign], distribute=distribute)
        foreign._to_sync = one is together
        histories.append(fit(one, compiled, x, hot, batch_size=16, epochs=2, verbose=0, callbacks=seen))
    same_history(*histories)
    assert foreign._to_sync


class Errors:
    """A metric with torchmetrics' protocol and its ways, without the ten seconds that importing it takes."""

    def __init__(self):
        self._to_sync = self.sync_on_compute = True  # what compute() looks at is the first, as in torchmetrics
        self._computed = None
        self.reset()

    def reset(self):
        self.state = torch.zeros(2, dtype=torch.float64)
        self._computed = None

    def update(self, preds, target):
        self._computed = None
        self.state = self.state + torch.stack([(preds - target).abs().sum().double(), torch.tensor(float(preds.numel())).double()])

    def sync(self):
        torch.distributed.all_reduce(self.state)

    def compute(self):
        if self._computed is None:
            if self._to_sync and torch.distributed.is_initialized():
                self.sync()
            self._computed = self.state[0] / self.state[1]
        return self._computed


def check_last_a_refusal():
    """An error in `fit` ends the working together: nothing comes after this."""
    x, y, _ = data()
    saver = callbacks.BackupAndRestore(os.environ["FOLDER"], save_freq=2)
    told = ""
    try:
        fit(classifier(), Compiled("sgd", "sparse_categorical_crossentropy"), x, y, verbose=0, callbacks=[saver])
    except ValueError as error:
        told = str(error)
    assert "BackupAndRestore saves between epochs only where several processes train together" in told


FEW = (check_arrays, check_reductions, check_masks, check_loaders, check_evaluate_and_predict, check_agreed_stop)

if __name__ == "__main__":
    every = [value for name, value in list(globals().items()) if name.startswith("check_") and name != "check_all"]
    check_all(every if SIZE == 2 else (check_first_meeting, *FEW))
