"""Every example in a docstring runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import layergraph

MODULES = sorted(module.name for module in pkgutil.walk_packages(layergraph.__path__, "layergraph."))


@pytest.mark.parametrize("name", ["layergraph", *MODULES])
def test_examples_run(name):
    # An example is a program of the user's: its classes are not layergraph's.
    result = doctest.testmod(importlib.import_module(name), extraglobs={"__name__": "__main__"})
    assert result.failed == 0


def test_layers_have_examples():
    """Every layer of ours shows a call that runs."""
    bare = [
        name for name in layergraph.layers.__all__ if name[0].isupper() and ">>>" not in (getattr(layergraph.layers, name).__doc__ or "")
    ]
    assert bare == ["InputLayer"]
