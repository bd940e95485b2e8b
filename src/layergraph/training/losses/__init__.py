"""Losses by Keras's names, arguments and numbers.

functions.py      one value per sample, (B, ..., n) -> (B, ...); reductions, weights, masks
base.py           `Loss`, a class over a function, a plain function as a loss
foreign.py        a loss of torch
regression.py     Keras's classes: of numbers and signs
probabilities.py  of probabilities
special.py        of regions, sequences and embeddings, with their functions
lookup.py         from a name, a config, a class, a function; and back to a config
"""
