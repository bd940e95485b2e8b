"""What training reads, as flat batches of tensors.

source.py       the interface to all of it
arrays.py       arrays as a source: slices, no copies
loaders.py      DataLoaders, iterables and generators
datasets.py     datasets of torch passed as they are, PyDatasets
sources.py      which of these was passed
reader.py       a loader's batches taken apart
feed.py         the batches of each epoch: order, position
tensors.py      arrays, frames and lists as tensors
structure.py    nested structures: flat lists of leaves, and back
inputs.py       how a module takes its inputs
targets.py      which target and weight belongs to which output
weights.py      class weights

A `Source` has `order(shuffle, seed, epoch)`, which gives indices that depend on nothing else, or None where the order is not
ours; and `batches(order, start, part)`. An epoch is taken up in the middle with `start=k`:

    source                 order of     batches(start=k)
    Arrays                 samples      costs nothing
    Samples  (Dataset)     samples      skips indices, reads nothing
    Batches  (PyDataset)   batches      skips indices, reads nothing
    Loader   (DataLoader)  -            reads k batches and drops them; the DataLoader's own shuffling follows torch's generator
    Loader   (generator)   -            the same; it is read once (`lasting` is False), and `Feed.more` says whether it has ended

Several processes share each batch: `part=(r, n)` gives the r-th of n parts of its rows, sizes differing by one at most. Arrays
and Samples read only those; the others read the batch and cut it. `on_epoch_begin(epoch, seed)` comes before the batches of an
epoch, `on_epoch_end()` after them, and `close()` when training ends however it does: it ends workers.
"""
