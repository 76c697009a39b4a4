"""Trace on Arch: map, run, analyse; and the comparison of machines on one trace."""

from __future__ import annotations

from accelsim.analysis.comparison import AtEqual, Comparison
from accelsim.analysis.result import Record, Result, analyse
from accelsim.arch.spec import Arch
from accelsim.engine.run import run
from accelsim.mapping.reuse import Reuse
from accelsim.mapping.trace import Progress, map_trace
from accelsim.workload.trace import Trace


def simulate(
    arch: Arch,
    trace: Trace,
    *,
    engine: str = "compiled",
    progress: Progress | None = None,
    reuse: Reuse | None = None,
) -> Result:
    """Replay a trace on an architecture.

    Parameters
    ----------
    arch : Arch
    trace : Trace
    engine : str
        "compiled", or "reference" (same result, slower, for reading and extending).
    progress : callable(text, done, of), optional
    reuse : Reuse, optional
        What simulations of one trace on several machines share. Changes no result; traces must
        not be changed while it is used.

    Returns
    -------
    Result
    """
    mapped = map_trace(trace, arch, progress, reuse)
    if progress is not None:
        progress(f"running {mapped.program.tasks:,} tasks", 1, 1)
    schedule = run(mapped.program, engine)
    unique = {(op, int(kind)): size for (op, kind), size in mapped.unique_bytes.items()}
    record = Record(unique, mapped.choices, mapped.overhead_macs, mapped.notes)
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
    placements: int = 1,
    at_equal: AtEqual | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Run the baseline, the third machine (baseline + gather), the candidate, and the candidate
    with sparsity off.

    With `placements` above 1 all run again with tensors elsewhere in DRAM (`placement.seed` + 1
    and so on, the same on every machine), for the spread of the speedup. `at_equal` : what they
    were scaled to, to be said of them.
    """
    machines = {"baseline": baseline, "third": third, "candidate": candidate}
    machines["candidate_dense"] = without_sparsity(candidate)
    found = {role: arch for role, arch in machines.items() if arch is not None}
    reuse = Reuse()

    def run_on(arch: Arch) -> Result:
        return simulate(arch, trace, progress=progress, reuse=reuse)

    results = {role: run_on(arch) for role, arch in found.items()}
    elsewhere = {
        role: [run_on(placed(arch, further)).total_ps for further in range(1, placements)]
        for role, arch in found.items()
    }
    return Comparison(trace, results, elsewhere, at_equal)


def placed(arch: Arch, further: int) -> Arch:
    """The same machine with the placement of a further seed."""
    placement = arch.mapping.placement
    moved = placement.model_copy(update={"seed": placement.seed + further})
    mapping = arch.mapping.model_copy(update={"placement": moved})
    return arch.model_copy(update={"mapping": mapping})
