"""What attention layers give by our rule where Keras's own way depends on how it goes: see `zeros_where_nothing_is_seen`."""

from __future__ import annotations

from typing import Any

import torch


def zeros_where_nothing_is_seen(layer: Any, args: list[Any], words: dict[str, Any]) -> Any:
    """MultiHeadAttention and GroupQueryAttention where a query may look at no key: zeros.

    Keras 3.15.1 gives them where it works out the scores, and the mean of the values where torch's kernel does: here it is asked for
    the scores. Its MultiHeadAttention takes the query's mask from the tensor alone, and combines a mask of 4 axes with others as if
    its heads were the batch: here it gets the one in that way, and of the others one mask of 4 axes.
    """
    words = dict(words)
    told = words.pop("return_attention_scores", False)
    if type(layer).__name__ == "MultiHeadAttention" and "query_mask" in words:
        args[0]._keras_mask = words.pop("query_mask")
    if "attention_mask" in words and words["attention_mask"].ndim == 4 and "value_mask" in words:
        words["attention_mask"] = torch.logical_and(words["attention_mask"], words.pop("value_mask")[:, None, None])
    output, scores = layer(*args, return_attention_scores=True, **words)
    return (output, scores) if told else output
