"""Faults of recurrent."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
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
)
