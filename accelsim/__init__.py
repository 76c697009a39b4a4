"""Cycle-approximate simulation of sparse accelerators, driven by traces of real models.

>>> import accelsim
>>> arch = accelsim.load_arch("sparse_v1")
>>> trace = accelsim.load_trace("tiny_moe_lm")
>>> result = accelsim.simulate(arch, trace)

The public names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from accelsim.arch.load import load_arch as load_arch
    from accelsim.pytorch.capturing import capture as capture
    from accelsim.pytorch.weights import capture_weights as capture_weights
    from accelsim.simulation import compare as compare
    from accelsim.simulation import simulate as simulate
    from accelsim.sweep.running import run_sweep as run_sweep
    from accelsim.workload.trace import Trace

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "capture",
    "capture_weights",
    "compare",
    "load_arch",
    "load_trace",
    "run_sweep",
    "simulate",
]

_HOME = {
    "load_arch": "accelsim.arch.load",
    "simulate": "accelsim.simulation",
    "compare": "accelsim.simulation",
    "run_sweep": "accelsim.sweep.running",
    "capture": "accelsim.pytorch.capturing",
    "capture_weights": "accelsim.pytorch.weights",
}


def load_trace(name_or_path: str | Path, shape: Sequence[str] = ()) -> Trace:
    """Open a trace: a shipped name, the path of a trace folder, or a recipe.

    Parameters
    ----------
    name_or_path : str or Path
        A name of ``accelsim workload list``, a folder, or ``FILE.yaml:KEY`` for one's own recipe.
    shape : sequence of str
        Changes of a recipe, such as ``batch=8`` or ``length=4096``.

    Raises
    ------
    InputError
        No such workload, or a file in it that is missing, truncated or of a newer schema.
    """
    from accelsim.workload.catalogue import load_workload

    return load_workload(name_or_path, shape)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'accelsim' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
