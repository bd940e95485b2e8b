"""Losses by Keras's names, arguments and numbers.

functions.py    one value per sample, (B, ..., n) -> (B, ...); reductions, weights, masks
base.py         `Loss`, a plain function as a loss, a loss of torch
classes.py      Keras's classes
lookup.py       from a name, a config, a class, a function
"""
