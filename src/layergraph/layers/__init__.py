"""Keras's layers: each a declaration over a stock torch module."""

from __future__ import annotations

from layergraph.layers.base import Layer as Layer
from layergraph.layers.convolution import Conv1D as Conv1D
from layergraph.layers.convolution import Conv2D as Conv2D
from layergraph.layers.convolution import Conv3D as Conv3D
from layergraph.layers.core import Activation as Activation
from layergraph.layers.core import Dense as Dense
from layergraph.layers.core import Embedding as Embedding
from layergraph.layers.core import Input as Input
from layergraph.layers.core import InputLayer as InputLayer
from layergraph.layers.merging import Add as Add
from layergraph.layers.merging import Concatenate as Concatenate
