"""What a room says of a name that it does not have: messages in full, and that every name of Keras's is there or explained."""

from __future__ import annotations

import functools
import importlib
import inspect
import subprocess
import sys

import pytest

import layergraph
from layergraph import absent
from layergraph.errors import NoAttributeError, NoNameError
from layergraph.keras_names import ROOMS


def room_of(name: str):
    return functools.reduce(getattr, filter(None, name.split(".")), layergraph)


@pytest.mark.parametrize(
    ("room", "name", "what", "fix"),
    [
        ("", "Variable", "layergraph has no 'Variable'", "use torch.nn.Parameter(values), or self.add_weight(...) in a layer"),
        ("", "Dense", "layergraph has no 'Dense'", "from layergraph.layers import Dense"),
        ("", "Sequental", "layergraph has no 'Sequental'", "did you mean 'Sequential'?"),
        ("", "foo", "layergraph has no 'foo'", None),
        ("utils", "plot_model", "layergraph.utils has no 'plot_model' yet: it is Keras's, and comes later", None),
        ("layers", "dense", "layergraph.layers has no 'dense'", "did you mean 'Dense'?"),
        ("layers", "Dens", "layergraph.layers has no 'Dens'", "did you mean 'Dense'?"),
        ("layers", "lstm", "layergraph.layers has no 'lstm'", "did you mean 'LSTM'?"),
        ("layers", "Model", "layergraph.layers has no 'Model'", "from layergraph import Model"),
        ("layers", "to_categorical", "layergraph.layers has no 'to_categorical'", "from layergraph.utils import to_categorical"),
        ("losses", "MeanSquareError", "layergraph.losses has no 'MeanSquareError'", "did you mean 'MeanSquaredError'?"),
        ("losses", "mse", "layergraph.losses has no 'mse'", "use mean_squared_error"),
        ("metrics", "accuracy", "layergraph.metrics has no 'accuracy'", "did you mean 'Accuracy'?"),
        ("optimizers", "adam", "layergraph.optimizers has no 'adam'", "did you mean 'Adam'?"),
        ("optimizers.schedules", "CosineDcay", "layergraph.optimizers.schedules has no 'CosineDcay'", "did you mean 'CosineDecay'?"),
        ("callbacks", "EarlyStoping", "layergraph.callbacks has no 'EarlyStoping'", "did you mean 'EarlyStopping'?"),
        ("utils", "get_file", "layergraph.utils has no 'get_file'", "use torch.hub.download_url_to_file(url, path)"),
        ("utils", "to_categorial", "layergraph.utils has no 'to_categorial'", "did you mean 'to_categorical'?"),
        ("backend", "mean", "layergraph.backend has no 'mean': torch is the backend, in person", "torch.mean"),
        ("backend", "int_shape", "layergraph.backend has no 'int_shape'", "use x.shape"),
        ("activations", "rele", "layergraph.activations has no 'rele'", "did you mean 'relu'?"),
        ("initializers", "HeNormel", "layergraph.initializers has no 'HeNormel'", "did you mean 'HeNormal'?"),
        ("config", "set_floatX", "layergraph.config has no 'set_floatX'", "did you mean 'set_floatx'?"),
        ("random", "randn", "layergraph.random has no 'randn'", "did you mean 'randint'?"),
        ("tree", "map", "layergraph.tree has no 'map'", None),
    ],
)
def test_the_message(room: str, name: str, what: str, fix: str | None):
    with pytest.raises(NoAttributeError) as caught:
        getattr(room_of(room), name)
    assert (caught.value.what, caught.value.fix) == (what, fix)
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__


def test_the_text_in_full():
    with pytest.raises(AttributeError) as caught:
        layergraph.layers.Dens  # noqa: B018
    line = inspect.currentframe().f_lineno - 1
    text = "layergraph.layers has no 'Dens'\n  at {}:{}: layergraph.layers.Dens  # noqa: B018\n  fix: did you mean 'Dense'?"
    assert str(caught.value) == text.format(__file__, line)


def test_an_import_says_the_same():
    with pytest.raises(ImportError) as caught:
        from layergraph.layers import Dens  # noqa: F401
    line = inspect.currentframe().f_lineno - 1
    text = "layergraph.layers has no 'Dens'\n  at {}:{}: from layergraph.layers import Dens  # noqa: F401\n  fix: did you mean 'Dense'?"
    assert type(caught.value) is NoNameError
    assert str(caught.value) == text.format(__file__, line)


@pytest.mark.parametrize(
    "line",
    [
        "from layergraph import Variable",
        "from layergraph.utils import to_categorical, plot_model",
        "from layergraph.utils import get_file",
        "from layergraph.optimizers import legacy",
        "from layergraph.preprocessing import text",
    ],
)
def test_an_import_line(line: str):
    """The words reach the user, not Python's `cannot import name`."""
    with pytest.raises(ImportError) as caught:
        exec(line)
    assert isinstance(caught.value, NoNameError)


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_keras_is_there_or_explained(room: str):
    for name in ROOMS[room].split():
        if not hasattr(room_of(room), name):
            with pytest.raises(NoAttributeError) as caught:
                getattr(room_of(room), name)
            assert caught.value.what.endswith("comes later") or caught.value.fix == absent.INSTEAD[room][name]


@pytest.mark.parametrize("room", absent.INSTEAD)
def test_what_has_a_stand_in_is_not_there(room: str):
    """Whoever adds a name takes it off the table."""
    assert [name for name in absent.INSTEAD[room] if hasattr(room_of(room), name)] == []


def test_an_import_in_a_long_script():
    """Its instruction has an argument above 255, which takes two."""
    script = "\n".join(f"name{number} = {number}" for number in range(400)) + "\nfrom layergraph.layers import Dens\n"
    with pytest.raises(NoNameError, match=r"layergraph\.layers has no 'Dens'"):
        exec(script, {})


def test_asking_is_answered_as_python_expects():
    assert not hasattr(layergraph.utils, "plot_model")
    assert getattr(layergraph.utils, "plot_model", None) is None
    for dunder in ("__path__x", "__wrapped__", "_private"):
        with pytest.raises(AttributeError, match=f"^module 'layergraph.layers' has no attribute '{dunder}'$"):
            getattr(layergraph.layers, dunder)
    assert dict(inspect.getmembers(layergraph.layers))["Dense"] is layergraph.layers.Dense
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'layergraph\.engine'"):
        importlib.import_module("layergraph.engine")


def test_the_table_of_names_is_loaded_when_somebody_misses_one():
    program = "import sys, layergraph; before = 'layergraph.keras_names' in sys.modules; hasattr(layergraph, 'x'); "
    program += "print(before, 'layergraph.keras_names' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
