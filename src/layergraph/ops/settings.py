"""Settings that ops read when they are called."""

from __future__ import annotations

from layergraph import config


def epsilon(given: float | None = None) -> float:
    """A small number, or where none is given `config.epsilon()`."""
    return config.epsilon() if given is None else given


def image_data_format() -> str:
    """`config.image_data_format()`."""
    return config.image_data_format()
