"""The faults that are planted, by family: each file's `FAULTS` are found here."""

from __future__ import annotations

import importlib
import pkgutil

from .fault import Fault as Fault

_MODULES = [importlib.import_module(f".{each.name}", __name__) for each in pkgutil.iter_modules(__path__) if each.name != "fault"]
FAULTS: tuple[Fault, ...] = tuple(fault for module in _MODULES for fault in module.FAULTS)
