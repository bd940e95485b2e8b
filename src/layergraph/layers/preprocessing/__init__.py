"""Layers that prepare data: images, numbers and text."""
