"""Metrics by Keras's names, arguments and numbers.

variables.py   what a metric adds to: a tensor with `assign`, `assign_add`
base.py        the protocol and its state as data, `Mean`, `Sum`, a class over a function
accuracies.py  the accuracy family: functions and metrics
means.py       losses as metrics
regression.py  root mean square, R2, correlations
confusion.py   true and false positives and negatives, precision, recall
curves.py      AUC, sensitivity at specificity and its kin
scores.py      F-scores
iou.py         intersection over union
foreign.py     metrics of torchmetrics, taken as they are
lookup.py      from a name, a config, a class, a function; and back to a config
"""
