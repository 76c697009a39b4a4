"""What a hostile reviewer asks of a comparison, and where this page answers it."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.analysis.comparison import Comparison, spread
from accelsim.arch.spec import Arch
from accelsim.report.study import Study
from accelsim.report.tables import groups_of, ratios
from accelsim.report.terms import dram_text
from accelsim.report.words import as_bytes, percent, times


def answers(study: Study) -> list[tuple[str, str]]:
    """Questions with their answers; one that this page cannot answer says so."""
    proper = groups_of(study.comparisons)["all"]
    baselines = list(
        {c.results["baseline"].arch.name: c.results["baseline"].arch for c in proper}.values()
    )
    over = ratios(proper)
    gather = over.get("third over baseline")
    gathered = spread(gather) if gather else None
    return [
        (
            "Did the baseline get weight preloading, block skipping, grouped GEMM, fused "
            "attention?",
            f"Yes: {_preload(baselines)}; wholly masked blocks are skipped, experts run as grouped "
            "matmuls over their routed tokens, attention is fused with an online softmax on every "
            "machine. The choice made is in the loop nests of each workload.",
        ),
        (
            "Are index, mask and metadata bytes moved and stored?",
            f"They are requested from DRAM and counted by cause. {_metadata(proper)}",
        ),
        ("Is predicting the indices paid for?", _selection(proper)),
        (
            "Is the imbalance from real rows, or a mean?",
            "From the rows of each tile, as the trace has them; expert loads are the routed "
            "tokens. See row imbalance in the breakdowns, and the expert load picture.",
        ),
        (
            "Do gathers pay line granularity, row misses and the outstanding limit?",
            f"Yes, at the simple DRAM level: {_lines(baselines)}; over-fetch stands in the tables "
            f"of traffic ({_over_fetch(proper)} in all).",
        ),
        (
            "What overlaps with what, and what if it did not?",
            "The pictures of utilisation over time show what overlaps; operator times are shares "
            "of the critical path, so nothing is counted twice. A run without overlap is not part "
            "of this page.",
        ),
        (
            "What does the baseline reach when it may gather too?",
            "Not run."
            if gathered is None
            else f"{times(gathered.geomean)} ({times(gathered.minimum)} to "
            f"{times(gathered.maximum)}): the +gather machine, in every table.",
        ),
        ("What is the loss at this selection?", _quality(proper)),
        ("Prefill or decode, which batch, cold or warm?", _phase(proper)),
        (
            "What is the smallest change that flips the winner?",
            "Of the candidate's MACs and SRAM: the break-even table. Of density: the crossings in "
            "the picture of speedup against density. Bandwidth, ports, lanes and batch are not "
            "varied here.",
        ),
        (
            "What is lost when each unit of the candidate is taken away?",
            f"Only its sparsity as a whole is switched off here: {_dense(over)}.",
        ),
        (
            "How far does the result move with another text, layer or seed?",
            "Over workloads: the spread beside every mean. Over layers: summary.csv has each. "
            "Other texts and seeds are not varied.",
        ),
        (
            "What does the sparse logic cost in area and energy?",
            "Not modelled. Instead: the break-even table, how much of the candidate's MACs and "
            "SRAM could be given up for it.",
        ),
        (
            "Which parts were validated, against what, with what error?",
            "The table of validation: systolic arrays, a mesh, and published sparse arrays. The "
            "row array of sparse_v1 and sparse_small, the mapping and the simple DRAM level are "
            "not validated against another source.",
        ),
    ]


def _preload(archs: list[Arch]) -> str:
    said = []
    for arch in archs:
        if arch.array.kind == "systolic":
            rows = arch.array.preload_rows_per_cycle
            said.append(f"{arch.name} has fold rule {arch.array.fold_rule}, {rows} rows a cycle")
    return "; ".join(said) or "not a systolic array"


def _metadata(comparisons: Sequence[Comparison]) -> str:
    sums = {"baseline": 0, "third": 0, "candidate": 0}
    for comparison in comparisons:
        for role in sums:
            if role in comparison.results:
                table = comparison.results[role].traffic
                rows = table[table["cause"] == "metadata"]
                sums[role] += int(rows["dram_bytes"].sum())
    names = {"baseline": "baseline", "third": "+gather", "candidate": "candidate"}
    shown = ", ".join(f"{names[role]} {as_bytes(size)}" for role, size in sums.items())
    return f"Metadata moved over all workloads: {shown}."


def _selection(comparisons: Sequence[Comparison]) -> str:
    by_kind: dict[str, list[str]] = {}
    for comparison in comparisons:
        for kind in comparison.selections():
            by_kind.setdefault(kind, []).append(comparison.trace.name)
    said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in by_kind.items())
    return f"{said or 'no indices are chosen'}. See who pays for the indices."


def _lines(archs: list[Arch]) -> str:
    return "; ".join(
        f"{arch.name} moves lines of {arch.dram.line} B with {arch.load.outstanding:,} outstanding "
        f"and an activate interval of {arch.dram.activate_interval / 1000:.3g} ns a channel"
        f" ({dram_text([arch])})"
        for arch in archs
    )


def _over_fetch(comparisons: Sequence[Comparison]) -> str:
    over = moved = 0
    for comparison in comparisons:
        table = comparison.results["candidate"].traffic
        over += int(table["over_fetch_bytes"].sum())
        moved += int(table["dram_bytes"].sum())
    return f"{percent(over / max(1, moved))} of the candidate's bytes"


def _quality(comparisons: Sequence[Comparison]) -> str:
    known = [c.trace.name for c in comparisons if c.trace.quality]
    rest = [c.trace.name for c in comparisons if not c.trace.quality and c.selections()]
    said = (
        f"Measured for {', '.join(known)} (see quality in each)" if known else "Measured for none"
    )
    return f"{said}; unknown for {', '.join(rest)}." if rest else f"{said}."


def _phase(comparisons: Sequence[Comparison]) -> str:
    found = dict.fromkeys(
        f"{c.trace.phase}, batch {c.trace.batch}, {c.trace.seq_len:,} tokens" for c in comparisons
    )
    return f"{'; '.join(found)}; scratchpad cold at the start of each trace."


def _dense(over: dict[str, list[float]]) -> str:
    dense = spread(over.get("candidate_dense over baseline", []))
    return (
        f"{times(dense.geomean)} of the baseline ({times(dense.minimum)} to {times(dense.maximum)})"
    )
