"""What training reads, as flat batches of tensors.

tensors.py      arrays, frames and lists as tensors
structure.py    nested structures: flat lists of leaves, and back
inputs.py       how a module takes its inputs
targets.py      which target and weight belongs to which output
sources.py      arrays and loaders as sources of batches
feed.py         the batches of each epoch: order, position
"""
