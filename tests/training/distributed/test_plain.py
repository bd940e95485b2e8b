"""The model is a plain module: torch's own DDP and FSDP2 take it, and none of our training code is there."""

from __future__ import annotations

from .launching import launch, ran


def test_trains_under_torchs_own_wrappers():
    ran(launch("plain.py", GLOO_SOCKET_IFNAME="lo"))
