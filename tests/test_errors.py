"""Errors: their messages in full, the user's line, and that they survive a pickle."""

from __future__ import annotations

import copy
import linecache
import pickle

import pytest
import torch

from layergraph import errors
from layergraph.errors import (
    ArgumentError,
    CheckpointError,
    ConfigError,
    CorruptModelFileError,
    DataError,
    Fact,
    GraphError,
    LayergraphError,
    MissingExtraError,
    NameTakenError,
    NoAttributeError,
    NoNameError,
    NotBuiltError,
    ProcessError,
    ShapeError,
    SymbolicError,
    describe,
    shown,
    suggestion,
    user_place,
)

TREE = {
    ArgumentError: ValueError,
    NameTakenError: ValueError,
    ShapeError: ValueError,
    GraphError: ValueError,
    DataError: ValueError,
    CheckpointError: ValueError,
    ConfigError: ValueError,
    CorruptModelFileError: ValueError,
    NotBuiltError: AttributeError,
    NoAttributeError: AttributeError,
    SymbolicError: TypeError,
    ProcessError: RuntimeError,
    MissingExtraError: ImportError,
    NoNameError: ImportError,
}


def this_line():
    import sys

    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_is_also_a_builtin_one(kind):
    assert kind.__mro__[1:3] == (LayergraphError, TREE[kind])
    with pytest.raises(TREE[kind]):
        raise kind("what")


def test_the_tree_is_drawn_in_the_docstring_and_complete():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LayergraphError)}
    assert kinds == {LayergraphError, *TREE}
    for kind, builtin in TREE.items():
        assert any(line.split()[1:3] == [kind.__name__, f"({builtin.__name__})"] for line in errors.__doc__.splitlines() if "──" in line)


@pytest.mark.parametrize(
    ("fix", "details", "lines"),
    [
        (None, (), ["what", "  at {place}"]),
        ("do this", (), ["what", "  at {place}", "  fix: do this"]),
        (None, ["one", "two"], ["what", "  one", "  two", "  at {place}"]),
        ("do this", ["one"], ["what", "  one", "  at {place}", "  fix: do this"]),
    ],
)
def test_the_message_in_full(fix, details, lines):
    error = ArgumentError("what", fix, details=details)
    number = this_line() - 1
    assert (error.what, error.fix, error.place) == ("what", fix, (__file__, number))
    place = f'{__file__}:{number}: error = ArgumentError("what", fix, details=details)'
    assert str(error) == "\n".join(lines).format(place=place)


def test_a_place_may_be_given():
    assert str(ShapeError("what", place=("train.py", 17))) == "what\n  at train.py:17"


# Finding the user's line


def test_the_place_is_the_innermost_line_that_is_neither_ours_nor_torchs():
    module = torch.nn.Sequential(torch.nn.Identity())
    places = []
    module[0].register_forward_hook(lambda *_: places.append(user_place()))
    module(torch.zeros(1))
    assert places == [(__file__, this_line() - 2)]


def test_torchs_frames_between_ours_and_the_users_are_passed_over():
    from layergraph import Input, Model

    x = Input((3,))
    module = torch.nn.Sequential(Model(x, x * 2))
    with pytest.raises(DataError) as caught:
        module(torch.zeros(1, 4))
    assert caught.value.place == (__file__, this_line() - 1)


def test_generated_code_is_nobodys():
    scope = {"user_place": user_place}
    exec(compile("def forward():\n    return user_place()", "<eval_with_key>.7", "exec"), scope)
    assert scope["forward"]() == (__file__, this_line())


def test_a_notebooks_cell_has_its_source():
    linecache.cache["<ipython-input-3>"] = (10, None, ["x = 1\n", "    raise_it()\n"], "<ipython-input-3>")
    assert describe(("<ipython-input-3>", 2)) == "<ipython-input-3>:2: raise_it()"
    del linecache.cache["<ipython-input-3>"]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (None, "an unknown line"),
        (("nowhere.py", 3), "nowhere.py:3"),
        (("<stdin>", 1), "<stdin>:1"),
    ],
)
def test_describe(place, text):
    assert describe(place) == text


def test_a_long_line_is_cut():
    linecache.cache["long.py"] = (300, None, ["y" * 300 + "\n"], "long.py")
    assert describe(("long.py", 1)) == "long.py:1: " + "y" * 100
    del linecache.cache["long.py"]


# Words


class Broken:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("a\x1b[31m\n", "'a\\x1b[31m\\n'"),
        ("x" * 200, "'" + "x" * 76 + "..."),
        (Broken(), "<Broken>"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21..."),
    ],
)
def test_shown(value, text):
    assert shown(value) == text
    assert len(shown(value)) <= 80


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("unit", ["units", "use_bias"], "did you mean 'units'?"),
        ("activaton", ["activation"], "did you mean 'activation'?"),
        ("zzz", ["units"], None),
        (3, ["units"], None),
        ("units", [], None),
    ],
)
def test_suggestion(word, known, text):
    assert suggestion(word, known) == text


# Facts, copies, pickles


def test_a_fact_is_short_and_no_error_of_ours():
    fact = Fact("is wrong", "mend it")
    assert (str(fact), fact.what, fact.fix) == ("is wrong", "is wrong", "mend it")
    assert not isinstance(fact, LayergraphError)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "deepcopy", "pickle"]
)
@pytest.mark.parametrize("kind", [LayergraphError, *TREE], ids=lambda kind: kind.__name__)
def test_an_error_survives(kind, again):
    error = kind("what", "fix", details=["detail"])
    twin = again(error)
    assert type(twin) is kind
    assert (str(twin), twin.args, twin.what, twin.fix, twin.place) == (str(error), error.args, "what", "fix", error.place)


def test_no_error_of_the_public_api_hides_its_cause():
    """The story is told once: low facts are not shown as 'During handling of the above exception'."""
    from layergraph import Input
    from layergraph.layers import Dense

    with pytest.raises(ShapeError) as caught:
        Dense(2)(Input((None,)))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
