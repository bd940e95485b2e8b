"""Launched by test_together.py: weights in parts (FSDP2), by fit and by torch's own functions without our training code."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from launching import check_all
from together import RANK, SIZE, data, same
from torch import nn

from layergraph import Input, Model, callbacks, layers, losses
from layergraph.errors import ArgumentError
from layergraph.optimizers import SGD, Adam
from layergraph.training import Compiled, fit
from layergraph.training.devices import whole
from layergraph.training.devices.sharding import gathered, has_shards, units

FOLDER = Path(sys.argv[1])  # of all processes

warnings.simplefilter("error")
# torch's own, in the optimizer of weights in parts
warnings.filterwarnings("ignore", category=FutureWarning)


def network() -> Model:
    torch.manual_seed(0)
    x = Input((6,))
    hidden = layers.Dense(9, activation="tanh", name="one", kernel_regularizer="l2")(x)
    hidden = layers.LayerNormalization(name="norm")(layers.Dense(8, activation="relu", name="two")(hidden))
    return Model(x, layers.Dense(3, activation="softmax", name="kind")(hidden))


def full(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: first_of(value) for key, value in model.state_dict().items()}


def first_of(value):
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def check_fit():
    """The losses and weights of one process with the whole batch; clipping by the norm of whole gradients."""
    x, y, w = data()
    for optimizer in (lambda: Adam(0.01), lambda: SGD(0.5, momentum=0.9, global_clipnorm=0.05), lambda: SGD(0.5, clipnorm=0.05)):
        apart, together = network(), network()
        histories = []
        for one, distribute in ((apart, False), (together, "fsdp2")):
            torch.manual_seed(5)
            loss = losses.SparseCategoricalCrossentropy()
            one.compile(optimizer(), loss=loss, metrics=["accuracy"], distribute=distribute)
            histories.append(one.fit(x, y, batch_size=16, epochs=2, verbose=0, sample_weight=w, validation_data=(x, y)))
        assert has_shards(together)
        assert len(units(network())) == 4
        for name in histories[0].history:
            same(histories[0].history[name], histories[1].history[name], rtol=1e-6, atol=1e-7)
        for key, value in full(together).items():
            same(value, apart.state_dict()[key])
        same(together.predict(x, verbose=0), apart.predict(x, verbose=0))
        same(together.evaluate(x, y, verbose=0), apart.evaluate(x, y, verbose=0), rtol=1e-6)
        for one in (apart, together):  # and goes on
            one.fit(x, y, batch_size=16, verbose=0, shuffle=False)
        for key, value in full(together).items():
            same(value, apart.state_dict()[key])


def check_memory():
    """Each process holds a part of each weight, and of what the optimizer keeps."""
    x, y, _ = data()
    model = network()
    model.compile("adam", loss="sparse_categorical_crossentropy", distribute="fsdp2")
    model.fit(x, y, verbose=0)
    own = sum(p.to_local().numel() for p in model.parameters())
    assert own <= sum(p.numel() for p in model.parameters()) / SIZE + 40
    state = model.optimizer.torch_optimizer.state
    assert all(state[p]["exp_avg"].to_local().shape == p.to_local().shape for p in model.parameters())
    moments = gathered({name: state[p]["exp_avg"] for name, p in model.named_parameters()}, RANK == 0)
    assert [tuple(value.shape) for value in moments.values()] == [tuple(p.shape) if RANK == 0 else (0,) for p in model.parameters()]


def check_whole():
    """One process writes all weights, under the names that they have without any of this."""
    x, y, _ = data()
    model = network()
    keys = list(model.state_dict())
    model.compile("adam", loss="sparse_categorical_crossentropy", distribute="fsdp2")
    saved = []

    class Save(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with whole(self.model) as writes:
                if writes:
                    saved.append({key: value.clone() for key, value in self.model.state_dict().items()})

    rank0 = FOLDER / "epoch{epoch}.weights.safetensors"
    written = callbacks.ModelCheckpoint(str(rank0), save_weights_only=True)
    logged = callbacks.CSVLogger(str(FOLDER / "log.csv"))
    best = callbacks.EarlyStopping("loss", restore_best_weights=True, patience=1)
    model.fit(x, y, verbose=0, epochs=2, callbacks=[Save(), written, logged, best])
    after = full(model)
    assert list(model.state_dict()) == keys
    if RANK == 0:
        assert len(saved) == 2
        fresh = network()
        fresh.load_state_dict(saved[-1])
        for key, value in fresh.state_dict().items():
            assert torch.equal(value, after[key]), key
        fresh = network()
        fresh.load_weights(FOLDER / "epoch2.weights.safetensors")
        for key, value in fresh.state_dict().items():
            assert torch.equal(value, after[key]), key
        assert sorted(path.name for path in FOLDER.iterdir()) == [
            "epoch1.weights.safetensors",
            "epoch2.weights.safetensors",
            "log.csv",
        ]
        assert len((FOLDER / "log.csv").read_text().splitlines()) == 3
    else:
        assert saved == []
    assert has_shards(model)


def check_launched():
    """`accelerate launch --use_fsdp --fsdp_version 2` says so in the environment."""
    os.environ.update(ACCELERATE_USE_FSDP="true", FSDP_VERSION="2")
    try:
        x, y, _ = data()
        model = network()
        model.compile("adam", loss="sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
        assert has_shards(model)
    finally:
        del os.environ["ACCELERATE_USE_FSDP"], os.environ["FSDP_VERSION"]


def check_given_optimizer():
    """An optimizer of torch's that the user made holds the parts afterwards, with its state."""
    x, y, _ = data()
    apart, together = network(), network()
    for one in (apart, together):
        optimizer = torch.optim.Adam(one.parameters(), 0.01)
        fit(one, Compiled(optimizer, "sparse_categorical_crossentropy", distribute=False), x, y, verbose=0, shuffle=False)
        how = "fsdp2" if one is together else False
        fit(one, Compiled(optimizer, "sparse_categorical_crossentropy", distribute=how), x, y, verbose=0, shuffle=False)
    for key, value in full(together).items():
        same(value, apart.state_dict()[key])


def check_refusals():
    words = np.ones((8, 5), dtype="int64")
    x = Input((5,), dtype="int64")
    model = Model(x, layers.Dense(3, activation="softmax")(layers.Embedding(9, 4, mask_zero=True)(x)))
    model.compile("adam", loss="sparse_categorical_crossentropy", distribute="fsdp2")
    with pytest.raises(ArgumentError, match="distribute='fsdp2' cannot run a model whose outputs carry masks"):
        model.fit(words, words % 3, verbose=0)


if __name__ == "__main__":
    check_all([check_fit, check_memory, check_whole, check_launched, check_given_optimizer, check_refusals])
