"""The basic checks on a GPU; they are skipped where there is none."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import Input, Model, layers

from .launching import free_port

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def network() -> Model:
    torch.manual_seed(0)
    x = Input((6,))
    return Model(x, layers.Dense(3, activation="softmax")(layers.Dense(8, activation="tanh")(x)))


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 6)).astype("float32"), rng.integers(0, 3, 50)


def test_fit_gives_what_the_cpu_gives():
    x, y = data()
    told = {}
    for device in ("cpu", "cuda"):
        model = network().to(device)
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        torch.manual_seed(1)
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, validation_data=(x, y))
        told[device] = history.history["loss"], model.predict(x, verbose=0)
    np.testing.assert_allclose(told["cuda"][0], told["cpu"][0], rtol=1e-4)
    np.testing.assert_allclose(told["cuda"][1], told["cpu"][1], atol=1e-4)


def test_one_process_under_torchs_ddp():
    torch.distributed.init_process_group("nccl", init_method=f"tcp://127.0.0.1:{free_port()}", rank=0, world_size=1)
    try:
        model = network().cuda()
        twin = copy.deepcopy(model)
        parallel = nn.parallel.DistributedDataParallel(model, device_ids=[0])
        x, y = (torch.as_tensor(part).cuda() for part in data())
        for each in (parallel, twin):
            optimizer = torch.optim.Adam(each.parameters(), 0.01)
            for _ in range(3):
                optimizer.zero_grad()
                nn.functional.nll_loss(each(x).log(), y).backward()
                optimizer.step()
        torch.testing.assert_close(parallel(x), twin(x))
        # one process is no group: fit trains as it does alone
        model.compile("adam", loss="sparse_categorical_crossentropy")
        model.fit(x, y, verbose=0)
    finally:
        torch.distributed.destroy_process_group()
