"""Faults of recurrent."""

from __future__ import annotations

from .fault import Fault

FIELDS, LAYERS, CELLS, OVER_CELLS = "layers/recurrent_fields.py", "layers/recurrent.py", "nn/cells.py", "layers/rnn.py"
MASKS = "nn/recurrence/masks.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "LSTM's gates in another order",
        FIELDS,
        '    _states = ("h", "c")\n',
        '    _states = ("h", "c")\n\n    def _layouts(self):\n'
        "        return Layout(lambda t: t.t().flip(1), lambda k: (torch.cat(k.t().chunk(4)[::-1]),)), _ONE_BIAS\n",
        "^lstm",
    ),
    Fault("GRU's gates in torch's order", FIELDS, "torch.cat((update, reset, new))", "torch.cat((reset, update, new))", "^gru"),
    Fault(
        "GRU's two biases exchanged", FIELDS, "_update_first(k[0]), _update_first(k[1])", "_update_first(k[1]), _update_first(k[0])", "^gru"
    ),
    Fault("states returned in another order", LAYERS, "results[1 + i]", "results[len(self._states) - i]", "^lstm.*return_state"),
    Fault(
        "the forget gate's bias starts at 0",
        FIELDS,
        "if isinstance(self, ForgetBias) and self.use_bias and self.unit_forget_bias:",
        "if False:",
        "^init:lstm",
    ),
    Fault("go_backwards leaves the mask as it is", LAYERS, "else mask.flip(1)", "else mask", "^lstm.*go_backwards.*mask"),
    Fault(
        "go_backwards turns its outputs back",
        LAYERS,
        "        output = output if",
        "        output = output.flip(1) if",
        "go_backwards.*mask",
    ),
    Fault(
        "a masked step's output is zeros", CELLS, "outputs[-1] if outputs and not zeros", "outputs[-1] if False", "^(gru|lstm|rnn).*mask"
    ),
    Fault(
        "a masked step moves the states on",
        CELLS,
        "output, new = _where(valid[index], output, before), _where(valid[index], new, states)",
        "output = _where(valid[index], output, before)",
        "^(gru|lstm|rnn).*mask",
    ),
    Fault("masked steps change their order", MASKS, "mask.logical_not(), dim=1", "mask, dim=1", "^(gru|lstm|simplernn).*mask"),
    Fault("the output before the first valid step is a later one", MASKS, "(counts == 0)", "(counts < 0)", "^(gru|lstm|simplernn).*late"),
    Fault("an LSTM's c moves on behind the valid steps", MASKS, "_FAR = 2.0**14", "_FAR = 0.0", "^lstm.*return_state.*mask"),
    Fault(
        "a row without a valid step forgets its state",
        CELLS,
        "torch.where(counts[:, -1:] > 0, h, self._first(x, given[0]).to(h.dtype))",
        "h",
        "^(gru|lstm|simplernn).*state_late",
    ),
    Fault(
        "the output before the first valid step is the state",
        CELLS,
        "torch.zeros_like(output)",
        "states[0]",
        "^simplernn.*softsign.*state_late",
    ),
    Fault(
        "the cell's activation for its output is left out",
        CELLS,
        "self.recurrent_activation(o) * self.activation(c), c",
        "self.recurrent_activation(o) * torch.tanh(c), c",
        "^lstm.*activation",
    ),
    Fault(
        "the update gate the other way round",
        CELLS,
        "(z * h + (1 - z) * self.activation(n + r * n_h),)",
        "(z * self.activation(n + r * n_h) + (1 - z) * h,)",
        "^gru",
    ),
    Fault(
        "the early reset gate comes late",
        CELLS,
        "_affine(r * h, one, weight[both:])",
        "r * _affine(h, one, weight[both:])",
        "^gru.*reset_after",
    ),
    Fault(
        "recurrent dropout in evaluation",
        CELLS,
        "if not (self.training if training is None else training):",
        "if False:",
        "^(lstm|gru|simplernn).*dropout",
    ),
    Fault("zero_output_for_mask has no effect", OVER_CELLS, "states, mask, self.zero_output_for_mask)", "states, mask)", "zero_output"),
    Fault(
        "stacked cells forget their states",
        "layers/stacked.py",
        "            after.append(new)",
        "            after.append(state)",
        "^rnn.*stack",
    ),
)
