"""The version of the model: results of one are not taken for results of another."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from accelsim import __version__
from accelsim.config.tree import shipped_folder
from accelsim.kernels import cache_key

# What a result depends on: the rooms up to `simulate`, what costs it, and what reads their YAML.
_ROOMS = (
    "config", "workload", "arch", "kernels", "mapping", "engine", "analysis", "cost",
    "hardware",
)  # fmt: skip


@cache
def model_version() -> str:
    """Version, and a hash of every source that a result depends on."""
    package = Path(__file__).resolve().parents[1]
    sources = [path for room in _ROOMS for path in sorted((package / room).rglob("*.py"))]
    fits = sorted(shipped_folder("cost_tables").rglob("*.csv"))  # that tables refer to by name
    return f"{__version__}+{cache_key([*sources, package / 'simulation.py', *fits], python='')}"
