"""Optimizers by Keras's names, arguments and numbers, over `torch.optim`.

arguments.py    the arguments that all take; configured.py: what was told, the learning rate, the config
base.py         one step: scaling, accumulation, clipping, decay, update, averages; applying.py: from a list of gradients
variables.py    Keras's variables of a module: names, and layouts
state.py        what is kept: made, exported by torch's names and in Keras's order
custom.py       what a person's own optimizer is written with
classes.py      Keras's classes; shaped.py: those that look at rows and columns
loss_scaling.py a loss scale around another optimizer; multi.py: different ones for different variables
rules.py        update rules that torch lacks, or has with other numbers
schedules.py    learning rates that follow the number of steps
configs.py      configs; lookup.py: from a name, a config, a class

A float rate lives in the group of the torch optimizer, where a `torch.optim.lr_scheduler` may change it: give it to `fit`
among the callbacks. A schedule of Keras's sets the group's rate at each step, so that the two exclude each other.
"""
