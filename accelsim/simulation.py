"""Trace on Arch: map, run, analyse; and the comparison of machines on one trace."""

from __future__ import annotations

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Record, Result, analyse
from accelsim.arch.spec import Arch
from accelsim.engine.run import run
from accelsim.mapping.trace import Progress, map_trace
from accelsim.workload.trace import Trace


def simulate(
    arch: Arch, trace: Trace, *, engine: str = "compiled", progress: Progress | None = None
) -> Result:
    """Replay a trace on an architecture.

    Parameters
    ----------
    arch : Arch
    trace : Trace
    engine : str
        "compiled", or "reference" (same result, slower, for reading and extending).
    progress : callable(text, done, of), optional

    Returns
    -------
    Result
    """
    mapped = map_trace(trace, arch, progress)
    if progress is not None:
        progress(f"running {mapped.program.tasks:,} tasks", 1, 1)
    schedule = run(mapped.program, engine)
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    record = Record(unique, mapped.choices, mapped.overhead_macs)
    return analyse(arch, trace, mapped.program, schedule, record)


def without_sparsity(arch: Arch) -> Arch:
    """The same machine computing densely, so that a gain from shape is not called sparsity."""
    mapping = arch.mapping.model_copy(update={"sparsity": False})
    return arch.model_copy(update={"name": f"{arch.name} (sparsity off)", "mapping": mapping})


def compare(
    baseline: Arch,
    candidate: Arch,
    trace: Trace,
    third: Arch | None = None,
    *,
    progress: Progress | None = None,
) -> Comparison:
    """Run the baseline, the third machine (baseline + gather), the candidate, and the candidate
    with sparsity off.
    """
    machines = {"baseline": baseline, "third": third, "candidate": candidate}
    machines["candidate_dense"] = without_sparsity(candidate)
    results = {
        role: simulate(arch, trace, progress=progress)
        for role, arch in machines.items()
        if arch is not None
    }
    return Comparison(trace, results)
