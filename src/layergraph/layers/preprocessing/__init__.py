"""Layers that prepare data: numbers, words, sounds and images."""
