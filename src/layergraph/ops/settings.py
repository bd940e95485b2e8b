"""Settings that ops read when they are called, as torch.compile can read them too: as constants."""

from __future__ import annotations

from layergraph import config


def epsilon(given: float | None = None) -> float:
    """A small number, or where none is given `config.epsilon()`."""
    return config.epsilon() if given is None else given


def image_data_format() -> str:
    """`config.image_data_format()`."""
    return config.image_data_format()


for _read in (epsilon, image_data_format):  # torch.compile cannot read a context variable: the mark of assume_constant_result
    _read.__dict__["_dynamo_marked_constant"] = True
