"""What of ours stands in the graphs of ops: functions of `layergraph.nn`, each with its reason."""

from __future__ import annotations

OURS = {
    "average_of_real": "torch's average pools pad both ends alike, and Keras's `same` does not",
    "crop_to_ratio": "a ratio of sides that are known only at run time",
    "ctc_beams": "torch has no decoder",
    "ctc_greedy": "torch has no decoder",
    "ctc_loss": "torch's tells no shape without values",
    "distort": "torch has no sampling between pixels that wraps, mirrors or takes a value outside",
    "least_squares": "torch's tells no shape without values",
    "overlap_add": "torch.istft tells no shape without values, and has no other window than its own",
    "pad_same": "Keras's `same` padding depends on a size that is known only at run time",
    "pad_to_ratio": "a ratio of sides that are known only at run time",
    "resample": "F.interpolate scales from edge to edge alone",
    "sample": "torch has no sampling between elements that wraps, mirrors or takes a value outside",
    "scatter_places": "the places are rows of a table whose sizes are known only at run time",
    "segment_reduce": "torch.segment_reduce wants sorted rows, and lengths instead of segments",
    "update_slice": "torch has no copy with a part overwritten on several axes",
    "warp": "torch has no sampling between pixels that wraps, mirrors or takes a value outside",
}
