"""Entries of a graph's config that are no layers.

    {"module": "layergraph.torch", "class_name": "TorchFunction", "config": {"name": "cat", "function": "torch.cat"}, ...}

Such an entry becomes an `Operation`, which is called with the arguments in its `inbound_nodes` and records torch calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from layergraph.errors import Fact, shown
from layergraph.graph.node import Node
from layergraph.graph.symbolic import symbols_in
from layergraph.identify import Config
from layergraph.saving.functions import call, recorded, target_of, word_of
from layergraph.saving.objects import STAND_INS

TORCH_MODULE = "layergraph.torch"


class Operation(NamedTuple):
    """What an entry that is no layer does when it is called on symbols."""

    name: str
    run: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(*args, **kwargs)


def torch_config(node: Node, name: str) -> tuple[Config, tuple[Any, ...]]:
    """The entry of a recorded torch call, and the arguments that it is called on. Raises `Fact`."""
    target, args = recorded(node.op, node.target, node.args)
    config = {"name": name, "function": word_of(target)}
    return {"module": TORCH_MODULE, "class_name": "TorchFunction", "config": config, "registered_name": None}, args


def _torch_operation(entry: Config) -> Operation:
    config = entry["config"]
    if entry["class_name"] != "TorchFunction" or set(config) != {"name", "function"}:
        raise Fact(f"a torch call is a TorchFunction with a `name` and a `function`, got {shown(entry)}")
    target = target_of(config["function"])

    def run(*args: Any, **kwargs: Any) -> Any:
        symbols = symbols_in(args, kwargs)
        if not symbols:
            raise Fact(f"{config['function']} is called on no tensor of the graph")
        return call(target, symbols[0]._call, args, kwargs)

    return Operation(str(config["name"]), run)


STAND_INS[f"{TORCH_MODULE}."] = _torch_operation
