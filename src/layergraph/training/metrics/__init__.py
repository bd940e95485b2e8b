"""Metrics by Keras's names, arguments and numbers.

accuracies.py   the functions of the accuracy family
base.py         the protocol, `Mean`, `Sum`, metrics of torchmetrics
means.py        running means of a function
lookup.py       from a name, a config, a class, a function
"""
