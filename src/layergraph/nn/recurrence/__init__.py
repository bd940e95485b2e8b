"""One recurrent layer as one operator with a backward, for torch.compile.

kernel.py       the operator: which function of torch's runs where, its shapes, its autograd
gradients.py    the backward where torch has none to call: from the outputs alone, in few large operations
masks.py        steps that do not count, for kernels that know no masks
steps.py        any loop over time as one operator, whose backward runs it again
cudnn.py        forward and backward on CUDA, and the one buffer in which cuDNN wants the weights
"""
