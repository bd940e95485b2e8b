"""Faults of layers that hold layers."""

from __future__ import annotations

from .fault import Fault

STEPS, BOTH = "layers/time_distributed.py", "layers/bidirectional.py"

FAULTS: tuple[Fault, ...] = (
    Fault(
        "TimeDistributed takes all steps for one batch",
        STEPS,
        '_folds"] = _by_sample(self.layer)',
        '_folds"] = True',
        "^timedistributed.*training",
    ),
    Fault("TimeDistributed gives its layer no mask", STEPS, 'words["mask"] = mask.flatten(0, 1)', "pass", "^timedistributed.*mask"),
    Fault("TimeDistributed runs in the order of samples", STEPS, "x.flatten(0, 1)", "x.transpose(0, 1).flatten(0, 1)", "^timedistributed"),
    Fault("Bidirectional does not turn back", BOTH, "backward = backward.flip(1)", "pass", "^bidirectional.*return_sequences"),
    Fault("Bidirectional's mean is a sum", BOTH, "(forward + backward) / 2", "(forward + backward) / 1", "^bidirectional.*ave"),
    Fault(
        "Bidirectional joins backward first",
        BOTH,
        "torch.cat((forward, backward), -1)",
        "torch.cat((backward, forward), -1)",
        "^bidirectional",
    ),
    Fault(
        "Bidirectional's states exchanged",
        BOTH,
        "(slice(None, half), slice(half, None))",
        "(slice(half, None), slice(None, half))",
        "^bidirectional.*states",
    ),
    Fault(
        "Bidirectional's masked steps repeat",
        BOTH,
        "each.zero_output_for_mask = self.return_sequences",
        "pass",
        "^bidirectional.*sequences.*mask",
    ),
)
