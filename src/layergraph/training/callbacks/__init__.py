"""Callbacks by Keras's names, arguments and protocol.

base.py         the protocol, lists of callbacks, `History`, `LambdaCallback`
monitors.py     those that watch a logged value
rates.py        those that set the learning rate
progress.py     the progress bar
"""
