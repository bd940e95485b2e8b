"""Faults of convolutional LSTMs."""

from __future__ import annotations

from .fault import Fault

FILE = "nn/conv_lstm.py"

FAULTS: tuple[Fault, ...] = (
    Fault("ConvLSTM's gates in another order", FILE, "i, f, g, o = (gate", "f, i, g, o = (gate", "^convlstm"),
    Fault("ConvLSTM's activations exchanged", FILE, "return self.recurrent_activation(o) *", "return self.activation(o) *", "^convlstm"),
    Fault("ConvLSTM's masked steps give zeros", FILE, "nothing if zeros else output", "nothing", "^convlstm.*mask"),
    Fault("ConvLSTM's masked steps move c", FILE, "torch.where(valid, new_c, c)", "new_c", "^convlstm.*mask"),
    Fault("ConvLSTM reads forwards", FILE, "if self.backwards:", "if False:", "^convlstm.*go_backwards"),
    Fault("ConvLSTM turns the input and not the mask", FILE, "None if mask is None else mask.flip(1)", "mask", "^convlstm.*go_backwards"),
    Fault(
        "ConvLSTM's states are given back exchanged", "layers/conv_lstm.py", "for i in (1, 2)", "for i in (2, 1)", "^convlstm.*return_state"
    ),
)
