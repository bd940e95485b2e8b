"""The house: which room may import which, what the core may import at all, and the list of public names."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import layergraph
from layergraph.absent import INSTEAD
from layergraph.keras_names import ROOMS

ROOT = Path(layergraph.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

# Imports go down, or stay on their floor.
FLOORS = {
    "errors": 0,
    "archive": 0,
    "absent": 0,
    "keras_names": 0,
    "dtypes": 0,
    "dtype_policies": 0,
    "mixed_precision": 0,
    "session": 0,
    "config": 0,
    "kinds": 0,
    "modes": 0,
    "identify": 0,
    "activations": 0,
    "initializers": 0,
    "regularizers": 0,
    "constraints": 0,
    "nn": 0,
    "graph": 1,
    "random": 1,
    "tree": 1,
    "layers": 2,
    "training": 3,
    "saving": 3,
    "losses": 3,
    "metrics": 3,
    "optimizers": 3,
    "callbacks": 3,
    "ops": 3,
    "utils": 3,
    "preprocessing": 3,
    "backend": 3,
    "models": 4,
    "keras_files": 5,
    "plot": 5,
}
# Rooms on one floor that know nothing of each other.
STRANGERS = [
    ("nn", "activations"),
    ("training", "saving"),
    ("keras_files", "plot"),
    ("graph", "initializers"),
    ("graph", "config"),
    ("graph", "activations"),
]
CORE = {"torch", "numpy", "safetensors", "torchinfo", "tqdm", "layergraph"}
# Loaded where they are used, each from an extra of pyproject.toml.
OPTIONAL = {"torchmetrics", "accelerate", "h5py", "matplotlib", "tensorboard", "onnx", "onnxscript", "onnxruntime", "PIL"}
DISTRIBUTIONS = {"PIL": "pillow"}  # where the name to install is another
LONGEST = 600


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def module_of(path):
    return ".".join(("layergraph", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def imports(path):
    """(imported module, whether it runs when this one is imported) for each import in a file."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found = []

    def visit(node, runs):
        if isinstance(node, ast.Import):
            found.extend((alias.name, runs) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
            found.extend(
                (name if ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py") in TREES or is_package(name) else module, runs)
                for name in names
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or only_for_types(node):
            runs = False
        for child in ast.iter_child_nodes(node):
            visit(child, runs)

    visit(TREES[path], True)
    return found


def only_for_types(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def is_package(name):
    return name.startswith("layergraph") and ROOT.joinpath(*name.split(".")[1:], "__init__.py") in TREES


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


# Floors


def test_every_room_has_a_floor():
    rooms = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down(path):
    here = room(module_of(path))
    for module, _ in imports(path):
        there = room(module)
        if module.split(".")[0] != "layergraph" or here is None:
            continue
        assert there is not None, f"{name_of(path)} imports the top of the package"
        assert FLOORS[there] <= FLOORS[here], f"{name_of(path)} imports {module} from a floor above"


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_strangers(one, other):
    for path in FILES:
        rooms = {room(module) for module, _ in imports(path) if module.startswith("layergraph.")}
        assert not (room(module_of(path)) == one and other in rooms), f"{name_of(path)} imports {other}"
        assert not (room(module_of(path)) == other and one in rooms), f"{name_of(path)} imports {one}"


def test_the_graph_knows_no_layers():
    for path in (ROOT / "graph").glob("*.py"):
        assert {room(module) for module, _ in imports(path) if module.startswith("layergraph")} <= {"errors", "graph", "kinds"}


def test_no_import_cycles():
    """Of imports that run when a module is imported."""
    below = {module_of(path): {module for module, runs in imports(path) if runs and module.startswith("layergraph.")} for path in FILES}
    done = set()
    while True:
        ready = {module for module, needs in below.items() if module not in done and needs - {module} <= done}
        if not ready:
            break
        done |= ready
    assert set(below) - done == set()


def test_a_cycle_would_be_seen(monkeypatch):
    monkeypatch.setitem(TREES, ROOT / "errors.py", ast.parse("from layergraph.graph import spec"))
    with pytest.raises(AssertionError):
        test_no_import_cycles()
    with pytest.raises(AssertionError, match="from a floor above"):
        test_imports_go_down(ROOT / "errors.py")


# What the core may import


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_core_imports_its_dependencies_only(path):
    for module, runs in imports(path):
        top = module.split(".")[0]
        if top in sys.stdlib_module_names or top in CORE:
            continue
        assert top in OPTIONAL, f"{name_of(path)} imports {module}"
        assert not runs, f"{name_of(path)} imports {module} when it is imported"


def test_importing_layergraph_loads_nothing_else():
    program = (
        "import sys, torch, numpy, tqdm; before = set(sys.modules); import layergraph; "
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in loaded if name not in sys.stdlib_module_names} <= CORE
    assert "torchinfo" not in loaded  # only summary() needs it


def test_the_dependencies_are_the_declared_ones():
    import tomllib

    declared = tomllib.loads((ROOT.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w-]+", line)[0] for line in declared["dependencies"]}
    assert names == CORE - {"layergraph"}
    extras = {re.match(r"[\w-]+", line)[0] for lines in declared["optional-dependencies"].values() for line in lines}
    assert extras >= {DISTRIBUTIONS.get(name, name) for name in OPTIONAL}


# What no file may hold


def arguments_named_compile(tree):
    """Uses of a function's own argument `compile`, which is a word of Keras's; a call of it is none."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and "compile" in [each.arg for each in function.args.args]:
            inside = list(ast.walk(function))
            called = {id(node.func) for node in inside if isinstance(node, ast.Call)}
            yield from ({id(node) for node in inside if isinstance(node, ast.Name) and node.id == "compile"} - called)


def code_from_text(tree):
    """Every use of what turns text or bytes into running code."""
    arguments = set(arguments_named_compile(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + ([node.module] if isinstance(node, ast.ImportFrom) and node.module else [])
            for name in names:
                if name.split(".")[0] in ("marshal", "dill", "cloudpickle", "shelve", "joblib", "runpy", "code", "ctypes", "yaml"):
                    yield f"import {name}"
                if isinstance(node, ast.ImportFrom) and name == "pickle":
                    yield "from pickle import"
        elif isinstance(node, ast.Name) and node.id in ("eval", "exec", "compile", "__import__") and id(node) not in arguments:
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            # to write a pickle runs nothing; to read one runs whatever is in it
            if (node.value.id in ("pickle", "cPickle") and node.attr != "dumps") or spelled in (
                "torch.load",
                "builtins.eval",
                "builtins.exec",
            ):
                yield spelled
        elif isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            if (node.arg, node.value.value) in (("allow_pickle", True), ("weights_only", False)):
                yield f"{node.arg}={node.value.value}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and not isinstance(node.args[0], ast.Constant):
            yield ast.unparse(node)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_turns_text_into_code(path):
    assert list(code_from_text(TREES[path])) == []


@pytest.mark.parametrize(
    "text",
    [
        "import marshal",
        "from pickle import loads",
        "import pickle; pickle.loads(b'')",
        "import pickle; load = pickle.Unpickler",
        "eval('1')",
        "run = exec",
        "def load(compile=True):\n    compile('1')",
        "def load(path):\n    run = compile",
        "__import__('os')",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "importlib.import_module(name)",
        "builtins.exec('')",
    ],
)
def test_what_turns_text_into_code_would_be_seen(text):
    assert list(code_from_text(ast.parse(text))) != []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_torch_is_not_patched(path):
    """No assignment to an attribute of a module or class of torch or numpy."""
    for node in ast.walk(TREES[path]):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []
        for target in targets:
            if isinstance(target, ast.Attribute):
                root = ast.unparse(target).split(".")[0]
                assert root not in ("torch", "nn", "F", "fx", "np", "numpy", "Tensor", "builtins", "sys"), f"{name_of(path)}:{node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
            assert ast.unparse(node.args[0]).split(".")[0] not in ("torch", "nn", "F", "fx", "np", "Tensor"), (
                f"{name_of(path)}:{node.lineno}"
            )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_file_says_what_it_is_for(path):
    said = ast.get_docstring(TREES[path])
    assert said
    assert said[0].isupper() or said[0] == "`"


def test_sizes(capsys):
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    long = {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in FILES
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60
    }
    with capsys.disabled():
        for name, size in sorted({**{n: s for n, s in sizes.items() if s > 400}, **long}.items()):
            print(f"\n{size:5} lines: {name}", end="")
        print()
    assert max(sizes.values()) <= LONGEST


def test_the_package_is_typed():
    assert (ROOT / "py.typed").exists()


# Public names

PUBLIC = {
    "layergraph": """
        DTypePolicy FloatDTypePolicy Functional Initializer Input InputSpec KerasTensor Layer Loss Metric Model Optimizer Regularizer
        Sequential activations backend callbacks config constraints dtype_policies initializers layers load losses metrics mixed_precision
        models ops optimizers preprocessing random regularizers saving tree utils version wrap
    """,
    "layergraph.layers": " ".join(sorted({*ROOMS["layers"].split()} - {*INSTEAD["layers"]} | {"wrap"})),
    "layergraph.models": """
        Functional Model Sequential clone_model load_model model_from_json save_model
    """,
    "layergraph.saving": """
        CustomObjectScope custom_object_scope deserialize_keras_object get_custom_objects get_registered_name
        get_registered_object load_model load_weights register_keras_serializable save_model save_weights serialize_keras_object
    """,
    "layergraph.losses": " ".join(sorted({*ROOMS["losses"].split()} - {*INSTEAD["losses"]})),
    "layergraph.metrics": " ".join(sorted({*ROOMS["metrics"].split()} - {*INSTEAD["metrics"]})),
    "layergraph.optimizers": """
        Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam Optimizer OptimizerMap
        RMSprop SGD ScheduleFreeAdamW deserialize get schedules serialize
    """,
    "layergraph.optimizers.schedules": """
        CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule PiecewiseConstantDecay PolynomialDecay
        deserialize serialize
    """,
    "layergraph.utils": """
        Progbar PyDataset Sequence array_to_img clear_session disable_interactive_logging enable_interactive_logging
        get_source_inputs img_to_array is_interactive_logging_enabled is_keras_tensor load_img normalize pack_x_y_sample_weight
        pad_sequences save_img set_random_seed split_dataset standardize_dtype timeseries_dataset_from_array to_categorical
        unpack_x_y_sample_weight
    """,
    "layergraph.preprocessing": """
        image sequence timeseries_dataset_from_array
    """,
    "layergraph.preprocessing.image": """
        array_to_img img_to_array load_img save_img smart_resize
    """,
    "layergraph.preprocessing.sequence": """
        pad_sequences
    """,
    "layergraph.backend": """
        backend clear_session epsilon floatx get_uid image_data_format is_float_dtype is_int_dtype is_keras_tensor result_type
        set_epsilon set_floatx set_image_data_format standardize_dtype
    """,
    "layergraph.config": """
        backend disable_interactive_logging disable_traceback_filtering dtype_policy enable_interactive_logging
        enable_traceback_filtering epsilon floatx image_data_format is_interactive_logging_enabled is_traceback_filtering_enabled
        set_backend set_dtype_policy set_epsilon set_floatx set_image_data_format
    """,
    "layergraph.dtype_policies": """
        DTypePolicy dtype_policy deserialize forget_dtype_policy get serialize set_dtype_policy
    """,
    "layergraph.mixed_precision": """
        DTypePolicy Policy dtype_policy global_policy set_dtype_policy set_global_policy
    """,
    "layergraph.random": """
        SeedGenerator beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform
    """,
    "layergraph.tree": """
        MAP_TO_NONE assert_same_paths assert_same_structure flatten flatten_with_path is_nested lists_to_tuples map_shape_structure
        map_structure map_structure_up_to pack_sequence_as traverse
    """,
    "layergraph.callbacks": """
        BackupAndRestore CSVLogger Callback CallbackList EarlyStopping History LambdaCallback LearningRateScheduler ModelCheckpoint
        ProgbarLogger ReduceLROnPlateau RemoteMonitor SwapEMAWeights TensorBoard TerminateOnNaN TorchScheduler
    """,
    "layergraph.errors": """
        ArgumentError CheckpointError ConfigError CorruptModelFileError DataError Fact GraphError LayergraphError
        MissingExtraError NameTakenError NoAttributeError NoNameError
        NotBuiltError ProcessError ShapeError SymbolicError describe is_internal shown suggestion user_place warn_at
    """,
}


def public_names(name):
    """What a module says is public: `__all__`, else what it re-exports as `X as X`, else what it defines."""
    module = importlib.import_module(name)  # rooms are loaded when they are used
    if hasattr(module, "__all__"):
        return set(module.__all__)
    tree = TREES[Path(module.__file__)]
    exported = {
        a.asname
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for a in node.names
        if a.asname and a.asname == a.name
    }
    if exported:
        return exported
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC)
def test_the_public_names(name):
    """Whoever adds a name adds it here; whoever takes one away breaks somebody's program."""
    found = public_names(name)
    assert sorted(found) == sorted(PUBLIC[name].split())
    assert all(hasattr(sys.modules[name], each) for each in found)


def test_star_import_gives_the_public_names():
    scope = {}
    exec("from layergraph import *", scope)
    assert set(scope) - {"__builtins__"} == set(PUBLIC["layergraph"].split())
