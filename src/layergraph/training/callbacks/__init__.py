"""Callbacks by Keras's names, arguments and protocol.

base.py         the protocol, lists of callbacks, `History`, `LambdaCallback`
monitors.py     those that watch a logged value and stop
rates.py        those that set the learning rate
checkpoints.py  models and weights on disk
averages.py     the averages of weights in the place of the weights
records.py      the logs in a CSV file, or on a server
tensorboard.py  the same for TensorBoard: events.py writes its files, graphs.py draws the graph
progress.py     the progress bar; bar.py draws it
"""
