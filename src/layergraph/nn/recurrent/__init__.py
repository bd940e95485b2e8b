"""Recurrent layers that compile in one graph: one layer, one direction, batch first, with plain Parameters.

`torch.compile(fullgraph=True)` refuses a module that holds an `nn.LSTM`, `nn.GRU` or `nn.RNN`. These call the functions behind
them, and name their weights as they do: a `state_dict` of one loads into the other.

Two things differ from torch's modules. States have no axis for layers: (B, hidden). And an LSTM or RNN learns one bias: its
`bias_hh_l0` is a buffer, zero until a `state_dict` says otherwise.

    modules.py      the modules. Eager and exported, they call torch.lstm, torch.gru, torch.rnn_tanh
    kernel.py       compiled, they call one operator, which torch.compile need not look into: torch.compile unrolls torch.gru,
                    a copy of the graph for each step, and cannot train torch.lstm at all
    gradients.py    its backward where torch has none to call: from the outputs alone, in few large operations
    cudnn.py        its forward and backward on CUDA; weights laid out as cuDNN wants them
"""

from layergraph.nn.recurrent.modules import GRU as GRU
from layergraph.nn.recurrent.modules import LSTM as LSTM
from layergraph.nn.recurrent.modules import RNN as RNN
from layergraph.nn.recurrent.modules import Recurrent as Recurrent
