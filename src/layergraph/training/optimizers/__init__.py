"""Optimizers by Keras's names, arguments and numbers, over `torch.optim`.

base.py         learning rate, clipping, decoupled decay, state, config
classes.py      Keras's classes
rules.py        update rules that torch lacks, or has with other numbers
schedules.py    learning rates that follow the number of steps
lookup.py       from a name, a config, a class
"""
