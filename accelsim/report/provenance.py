"""Where a report comes from: versions, hashes and seeds, and nothing that changes by itself."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from accelsim import __version__
from accelsim.arch.load import content_hash
from accelsim.arch.spec import Arch
from accelsim.sweep.density import SEED
from accelsim.workload.trace import Trace

LIBRARIES = ("numpy", "numba", "pandas", "matplotlib", "pydantic", "jinja2")


def provenance(archs: Mapping[str, Arch], traces: Sequence[Trace], command: str) -> dict[str, Any]:
    """Versions, content hashes of architectures (by name) and traces, seeds, and the command."""
    return {
        "command": command,
        "versions": versions(),
        "architectures": {name: content_hash(arch) for name, arch in archs.items()},
        "workloads": {
            trace.name: {
                "content_hash": trace.content_hash,
                "replayed_in": trace.replayed_in,
                "producer": trace.producer,
                "model": trace.model,
                "seed": trace.seed,
                "phase": trace.phase,
                "batch": trace.batch,
                "seq_len": trace.seq_len,
                "selection_rule": trace.selection_rule,
                "synthetic": trace.synthetic,
                "licence": trace.licence,
            }
            for trace in traces
        },
        "seeds": {"density sweep": SEED},
    }


def versions() -> dict[str, str]:
    """Versions of accelsim, Python and the libraries that figures depend on."""
    return {"accelsim": __version__, "python": platform.python_version()} | {
        name: _version(name) for name in LIBRARIES
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
