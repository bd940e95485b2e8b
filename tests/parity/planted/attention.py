"""Faults of attention."""

from __future__ import annotations

from .fault import Fault

FAULTS: tuple[Fault, ...] = (
    Fault(
        "a batch of masks as one mask of heads",
        "layers/attending.py",
        "mask = mask[(*(slice(None),) * (rank - 2 * count), *(None,) * missing)]",
        "mask = mask[(None,) * missing]",
        "^multiheadattention.*-attention_mask3",
    ),
    Fault(
        "heads in the place of features",
        "layers/attending.py",
        "split = unflatten(x, -1, (heads, size))",
        "split = unflatten(x, -1, (size, heads)).transpose(-1, -2)",
        "^multiheadattention.*value_dim",
    ),
    Fault(
        "a band one place wider", "layers/attending.py", "found = found.triu(1 - window)", "found = found.triu(-window)", "sliding_window"
    ),
    Fault("a causal mask that hides a query's own place", "layers/attending.py", "found.tril(0 if", "found.tril(-1 if", "causal_scores"),
    Fault(
        "a causal kernel without its mask",
        "layers/multi_head.py",
        '"is_causal": (use_causal_mask and plain) or None',
        '"is_causal": None',
        "head.*-causal$",
    ),
    Fault(
        "a query's mask as a key's",
        "layers/multi_head.py",
        "along.steps(query, of_queries=True)",
        "along.steps(query, of_queries=False)[..., :1]",
        "query_mask",
    ),
    Fault(
        "groups of heads interleaved",
        "layers/multi_head.py",
        "x.repeat_interleave(heads // key_heads, 1)",
        "x.repeat(1, heads // key_heads, 1, 1)",
        "^groupquery.*values?_heads_2-scores",
    ),
    Fault("scores before their softmax are not scaled", "layers/multi_head.py", "q * (1 / math.sqrt(key_size))", "q", "scores"),
    Fault("a gate without its sigmoid", "layers/multi_head.py", "torch.sigmoid(self.gate(query))", "self.gate(query)", "use_gate"),
    Fault("fans of the last two axes", "layers/multi_head.py", 'fields="kernel", fans=fans)', 'fields="kernel")', "^init:multihead"),
    Fault(
        "dot products divided by the root of their size",
        "layers/attention.py",
        'words: dict[str, Any] = {"scale": 1.0}',
        "words: dict[str, Any] = {}",
        "^attention",
    ),
    Fault(
        "a query's mask forgotten",
        "layers/attention.py",
        "torch.logical_not(query_mask)[..., None], 0.0)",
        "torch.logical_not(query_mask)[..., None], 1.0)",
        "^a.*attention.*mask",
    ),
    Fault(
        "an additive scale drawn by a matrix's fans",
        "layers/attention.py",
        "self.scores.weight.shape[1:])[None])",
        "self.scores.weight.shape))",
        "^init:additive",
    ),
)
