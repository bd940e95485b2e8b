"""Plants faults in copies of layergraph and shows that each makes a golden fail: `python tests/parity/faults.py [word ...]`.

A fault is an edit of the source text: its old text must stand in its file exactly once, so that a fault cannot silently plant
nothing. Words select faults by their names. The command fails if a fault goes unnoticed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
SOURCE = ROOT / "src" / "layergraph"


@dataclass(frozen=True)
class Fault:
    """An edit of one file, and a pattern of the goldens that are looked at: ids of rows, `init:` ids, `order:` names, `cnn`."""

    name: str
    file: str
    old: str
    new: str
    look: str


_BN, _POOL, _SHAPES = "layers/normalization.py", "layers/pooling.py", "layers/reshaping.py"

FAULTS = (
    Fault(
        "batch norm's epsilon",
        _BN,
        "low=0, high=1)\n    epsilon: float = number(default=1e-3",
        "low=0, high=1)\n    epsilon: float = number(default=1e-5",
        "^batchnorm",
    ),
    Fault("batch norm's default momentum", _BN, "number(default=0.99, low=0, high=1)", "number(default=0.9, low=0, high=1)", "^batchnorm"),
    Fault("batch norm's momentum the torch way", _BN, "momentum=round(1 - self.momentum, 12)", "momentum=self.momentum", "^batchnorm"),
    Fault("a frozen batch norm learns", _BN, "            module.eval()", "            pass", "^batchnorm.*trainable"),
    Fault(
        "layer norm's epsilon",
        _BN,
        "checked(axes, default=-1)\n    epsilon: float = number(default=1e-3",
        "checked(axes, default=-1)\n    epsilon: float = number(default=1e-5",
        "^layernorm",
    ),
    Fault(
        "layer norm's axes come back in another order",
        _BN,
        "order.index(i) for i in range(rank)",
        "order[i] for i in range(rank)",
        "^layernorm",
    ),
    Fault("leaky ReLU's slope", "layers/activation.py", "number(default=0.3, low=0)", "number(default=0.2, low=0)", "^leakyrelu"),
    Fault("the slope of 'leaky_relu'", "activations.py", "negative_slope: float = 0.2", "negative_slope: float = 0.01", "^activation"),
    Fault("gelu by tanh", "activations.py", '"gelu": (gelu, F.gelu)', '"gelu": (gelu, lambda x: F.gelu(x, approximate="tanh"))', "gelu"),
    Fault(
        "hard sigmoid of Keras 2",
        "activations.py",
        '"hard_sigmoid": (hard_sigmoid, F.hardsigmoid)',
        '"hard_sigmoid": (hard_sigmoid, lambda x: torch.clamp(0.2 * x + 0.5, 0, 1))',
        "hard_sigmoid",
    ),
    Fault("ReLU's slope starts at 0, not at the threshold", "activations.py", "torch.relu(threshold - x)", "torch.relu(-x)", "^relu"),
    Fault(
        "softmax along axis 1",
        "layers/activation.py",
        "axis: Axes = checked(axes, default=-1",
        "axis: Axes = checked(axes, default=0",
        "^softmax",
    ),
    Fault(
        "the larger half of 'same' in front",
        "nn/padding.py",
        "return total // 2, total - total // 2",
        "return total - total // 2, total // 2",
        "padding_same",
    ),
    Fault(
        "'causal' pads the end",
        "layers/convolution.py",
        "torch.constant_pad_nd(x, [self.dilation_rate[0] * (self.kernel_size[0] - 1), 0])",
        "torch.constant_pad_nd(x, [0, self.dilation_rate[0] * (self.kernel_size[0] - 1)])",
        "causal",
    ),
    Fault("'same' max pool pads zeros", _POOL, 'value=float("-inf")', "value=0.0", "^maxpool"),
    Fault("average pool counts the padding", _POOL, "count_include_pad=False", "count_include_pad=True", "^averagepool"),
    Fault(
        "average pool counts the asymmetric padding",
        "nn/padding.py",
        "counts = pad_same(torch.ones_like(x[:1, :1]), kernel, stride, ones)",
        "counts = torch.ones_like(pad_same(x[:1, :1], kernel, stride, ones))",
        "^averagepool",
    ),
    Fault("conv kernel flipped", "layers/weights.py", "*range(k.ndim - 2)),))", "*range(k.ndim - 2)).flip(-1),))", "^conv"),
    Fault(
        "conv kernel's axes exchanged",
        "layers/weights.py",
        "*range(k.ndim - 2)),))",
        "*reversed(range(k.ndim - 2))),))",
        "^conv2d-.*kernel_size_[0-9]-",
    ),
    Fault("a dense kernel's rows turned", "layers/weights.py", "lambda k: (k.t(),))", "lambda k: (k.t().roll(1, 0),))", "^dense"),
    Fault("embedding off by one", "layers/core.py", "self.embedding(x if", "self.embedding((x + 1) % self.input_dim if", "^embedding"),
    Fault("dot normalised by the mean", "layers/merging.py", "(x * x).sum(axis, True)", "(x * x).mean(axis, True)", "^dot"),
    Fault(
        "concatenate in another order",
        "layers/merging.py",
        "torch.cat(list(inputs), self.axis)",
        "torch.cat(list(inputs)[::-1], self.axis)",
        "^concat",
    ),
    Fault(
        "subtract the other way", "layers/merging.py", "_combine = operator.sub", "_combine = staticmethod(lambda a, b: b - a)", "^subtract"
    ),
    Fault("average of two", "layers/merging.py", "super().call(inputs) / len(inputs)", "super().call(inputs) / 2", "^average-"),
    Fault(
        "flatten takes channels first as they lie",
        _SHAPES,
        'if self.data_format == "channels_first" and x.ndim > 2',
        "if False",
        "^flatten",
    ),
    Fault(
        "upsampling aligns the corners",
        _SHAPES,
        'None if mode == "nearest" else False',
        'None if mode == "nearest" else True',
        "^upsampling2d",
    ),
    Fault(
        "zero padding's ends exchanged",
        _SHAPES,
        "for pair in reversed(pairs) for end in pair",
        "for pair in reversed(pairs) for end in reversed(pair)",
        "^zeropadding",
    ),
    Fault(
        "LSTM's gates in another order",
        "layers/recurrent.py",
        '_states = ("h", "c")\n',
        '_states = ("h", "c")\n    _kernel_layout = Layout(lambda t: t.t().flip(1), lambda k: (torch.cat(k.t().chunk(4)[::-1]),))\n',
        "^lstm",
    ),
    Fault(
        "GRU's gates in torch's order", "layers/recurrent.py", "torch.cat((update, reset, new))", "torch.cat((reset, update, new))", "^gru"
    ),
    Fault(
        "GRU's two biases exchanged",
        "layers/recurrent.py",
        "_update_first(k[0]), _update_first(k[1])",
        "_update_first(k[1]), _update_first(k[0])",
        "^gru",
    ),
    Fault(
        "states returned in another order", "layers/recurrent.py", "results[1 + i]", "results[len(self._states) - i]", "^lstm.*return_state"
    ),
    Fault(
        "the forget gate's bias starts at 0",
        "layers/recurrent.py",
        "if self.use_bias and self.unit_forget_bias:",
        "if False:",
        "^init:lstm",
    ),
    Fault("fans in torch's layout", "initializers.py", "compute_fans(out.shape,", "compute_fans(out.shape[::-1],", "^init:conv"),
    Fault("glorot by fan_in alone", "initializers.py", "(fan_in + fan_out) / 2)", "fan_in)", "^init:dense"),
    Fault(
        "layers of equal depth in the order of making",
        "graph/walk.py",
        "-depth_of_owner[owner], entry[owner])",
        "-depth_of_owner[owner],)",
        "^order:",
    ),
    Fault(
        "layers in the order of execution",
        "graph/walk.py",
        "key=lambda owner: (-depth_of_owner[owner], entry[owner])",
        "key=lambda owner: -entry[owner]",
        "^cnn",
    ),
)


def look(pattern: str) -> dict[str, str]:
    """{golden: what is wrong} among the goldens that match, with the layergraph that Python finds. Runs in the copy's process."""
    sys.path.insert(0, str(ROOT))
    import numpy as np
    import torch
    from tests.parity import cnn, golden, orders, running
    from tests.parity.rows import ROWS

    import layergraph

    torch.set_num_threads(1)
    found: dict[str, str] = {"looked at": "", "in": str(layergraph.__file__)}
    number = 0
    for row in ROWS:
        if re.search(pattern, row.id):
            number += 1
            try:
                missed = running.misses(row, golden.family(row.family)[row.id])
            except Exception as error:
                missed = {"raised": repr(error)}
            found |= {row.id: str(missed)} if missed else {}
        if row.init and re.search(pattern, f"init:{row.id}"):
            number += 1
            wrong = running.fresh_misses(row, golden.family(row.family)[row.id]["facts"]["init"])
            found |= {f"init:{row.id}": str(wrong)} if wrong else {}
    recorded = json.loads(orders.GOLDEN.read_text())["graphs"]
    for name in (name for name in orders.GRAPHS if re.search(pattern, f"order:{name}")):
        number += 1
        got = orders.order(orders.build(layergraph, name))
        found |= {f"order:{name}": str(got["layers"])} if got != recorded[name] else {}
    if re.search(pattern, "cnn"):
        number += 1
        with np.load(cnn.GOLDEN) as file, torch.no_grad():
            model = cnn.build(layergraph).eval()
            try:
                model.set_weights([file[name] for name in sorted(file.files) if name.startswith("weight")])
                far = golden.error(model(torch.from_numpy(file["image"]))[0].numpy(), file["digit"])
            except layergraph.errors.LayergraphError:
                far = float("inf")
        found |= {"cnn": str(far)} if far > golden.LIMIT else {}
    return found | {"looked at": str(number)}


def plant(fault: Fault | None, pattern: str) -> dict[str, str]:
    """What `look` finds in a copy of layergraph with the fault in it."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "layergraph"
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
        if fault is not None:
            path = package / fault.file
            text = path.read_text()
            assert text.count(fault.old) == 1, f"{fault.name}: its text is {text.count(fault.old)} times in {fault.file}, not once"
            path.write_text(text.replace(fault.old, fault.new))
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, str(HERE), "--look", pattern]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{fault.name if fault else 'no fault'}: {done.stderr[-1500:]}"
        found = json.loads(done.stdout.splitlines()[-1])
        assert found.pop("in").startswith(folder), "another layergraph was imported"
        return found


def main(words: list[str]) -> int:
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    if not words:
        found = plant(None, "")
        print(f"no fault: {found.pop('looked at')} goldens, {len(found)} fail")
        assert not found, found
    unnoticed = 0
    for fault in chosen:
        found = plant(fault, fault.look)
        number = found.pop("looked at")
        told = {golden: wrong for golden, wrong in found.items() if "raised" not in wrong}
        unnoticed += not told
        first = next(iter(told.items()), ("UNNOTICED", ""))
        print(f"{fault.name}: {len(found)} of {number} fail, such as {first[0]} {first[1][:90]}", flush=True)
    print(f"{len(chosen)} faults, {unnoticed} unnoticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
