"""Launched by test_plain.py: the model under torch's own DDP and FSDP2 in a plain loop, and none of our training code."""

from __future__ import annotations

import copy
import os
import sys
import warnings

import torch
import torch.distributed as dist
import torch.nn.functional as F
from launching import check_all
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from layergraph import Input, Model, layers

warnings.simplefilter("error")
RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
KEYS = ["one.weight", "one.bias", "two.weight", "two.bias", "kind.weight", "kind.bias"]


def network() -> Model:
    torch.manual_seed(0)
    x = Input((6,))
    one = layers.Dense(8, activation="tanh", name="one")(x)
    two = layers.Dense(8, activation="relu", name="two")(one)
    return Model(x, layers.Dense(3, name="kind")(layers.Add()([one, two])))


def train(model: nn.Module, parts: int, own: int) -> list[float]:
    """A plain loop over this process's part of each batch."""
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    told = []
    for _ in range(5):
        x, y = torch.randn(12, 6, generator=generator), torch.randint(3, (12,), generator=generator)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x.chunk(parts)[own]), y.chunk(parts)[own])
        loss.backward()
        optimizer.step()
        told.append(loss.detach())
    values = torch.stack(told)
    if parts > 1:
        dist.all_reduce(values)
    return (values / parts).tolist()


def check_ddp():
    reference = network()
    expected = train(reference, 1, 0)
    model = network()
    parallel = nn.parallel.DistributedDataParallel(model)
    torch.testing.assert_close(torch.tensor(train(parallel, SIZE, RANK)), torch.tensor(expected), rtol=1e-6, atol=1e-7)
    assert list(model.state_dict()) == KEYS
    assert list(parallel.module.state_dict()) == KEYS
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, reference.state_dict()[key], rtol=1e-5, atol=1e-6)
    x = torch.randn(4, 6)
    assert torch.equal(parallel(x), model(x))


def check_ddp_with_several_inputs():
    a, b = Input((3,)), Input((4,))
    model = Model([a, b], layers.Dense(2)(layers.Concatenate()([layers.Dense(4)(a), b])))
    parallel = nn.parallel.DistributedDataParallel(model)
    x, y = torch.randn(5, 3), torch.randn(5, 4)
    assert torch.equal(parallel(x, y), model(x, y))
    assert torch.equal(parallel([x, y]), model(x, y))
    parallel(x, y).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def check_fully_shard():
    reference = network()
    expected = train(reference, 1, 0)
    model = network()
    kind = type(model)
    mesh = init_device_mesh("cpu", (SIZE,))
    for layer in ("one", "two", "kind"):
        fully_shard(model.get_submodule(layer), mesh=mesh)
    fully_shard(model, mesh=mesh)
    assert isinstance(model, kind)
    torch.testing.assert_close(torch.tensor(train(model, SIZE, RANK)), torch.tensor(expected), rtol=1e-6, atol=1e-7)
    assert list(model.state_dict()) == KEYS
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value.full_tensor(), reference.state_dict()[key], rtol=1e-5, atol=1e-6)
    whole = network()
    whole.load_state_dict({key: value.full_tensor() for key, value in model.state_dict().items()})
    x = torch.randn(4, 6)
    torch.testing.assert_close(model(x), whole(x))


def check_nothing_of_ours():
    assert not any(name.startswith("layergraph.training.devices.") for name in sys.modules)
    copy.deepcopy(network())


if __name__ == "__main__":
    dist.init_process_group("gloo")
    check_all([check_ddp, check_ddp_with_several_inputs, check_fully_shard, check_nothing_of_ours])
