"""Keras's Functional API in, stock PyTorch out."""

from __future__ import annotations

from layergraph import layers as layers
from layergraph.layers import Input as Input
from layergraph.layers import Layer as Layer
from layergraph.models import Model as Model
from layergraph.models import Sequential as Sequential
