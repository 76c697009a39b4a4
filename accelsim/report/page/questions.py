"""What a hostile reviewer asks of a comparison, and where this page answers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accelsim.analysis.comparison import Comparison, Spread, spread
from accelsim.arch.spec import Arch
from accelsim.report.energy_words import sparse_cost
from accelsim.report.study import Study
from accelsim.report.tables import groups_of, ratios
from accelsim.report.terms import dram_text, machines, shown_results
from accelsim.report.words import ROLE_TITLES, as_bytes, percent, times


def answers(study: Study) -> list[tuple[str, str]]:
    """Questions with their answers; one that this page cannot answer says so."""
    proper = groups_of(study.comparisons)["all"]
    archs = list({arch.name: arch for c in proper for arch in machines(c)}.values())
    return [*_of_fairness(proper, archs), *_of_the_run(proper), *_of_the_verdict(study, proper)]


def _of_fairness(proper: Sequence[Comparison], archs: Sequence[Arch]) -> list[tuple[str, str]]:
    gather = ratios(proper).get("third over baseline")
    return [
        (
            "Did the baseline get weight preloading, block skipping, grouped GEMM, fused "
            "attention?",
            f"{_preload(archs)}; wholly masked blocks are skipped, experts run as grouped matmuls "
            "over their routed tokens, attention is fused with an online softmax on every machine. "
            "The choice made is in the loop nests of each workload.",
        ),
        (
            "Are index, mask and metadata bytes moved and stored?",
            f"They are requested from DRAM and counted by cause. {_metadata(proper)}",
        ),
        ("Is predicting the indices paid for?", _selection(proper)),
        (
            "Is the imbalance from real rows, or a mean?",
            "From the rows of each tile, as the trace has them; expert loads are the routed "
            "tokens. See row imbalance under load balance, and the expert load picture.",
        ),
        (
            "Do gathers pay line granularity, row misses and the outstanding limit?",
            f"Yes: {_lines(archs)}; over-fetch stands in the tables of traffic "
            f"({_over_fetch(proper)} in all).",
        ),
        (
            "What does the baseline reach when it may gather too?",
            f"{_span(spread(gather))}: the +gather machine, in every table."
            if gather
            else "Not run: no third machine was named.",
        ),
    ]


def _of_the_run(proper: Sequence[Comparison]) -> list[tuple[str, str]]:
    return [
        (
            "What overlaps with what, and what if it did not?",
            "The pictures of utilisation over time and of units in a window show what overlaps; "
            "operator times are shares of the critical path, so nothing is counted twice. A run "
            "without overlap is not part of this page.",
        ),
        ("What is the loss at this selection?", _quality(proper)),
        ("Prefill or decode, which batch, cold or warm?", _phase(proper)),
    ]


def _of_the_verdict(study: Study, proper: Sequence[Comparison]) -> list[tuple[str, str]]:
    studied = ", ".join(dict.fromkeys(found.workload for found in study.robustness))
    dense = spread(ratios(proper)["candidate_dense over baseline"])
    varied = f"Studied for {studied}: see robustness." if studied else "Not studied on this page."
    return [
        (
            "What is the smallest change of bandwidth, ports, lanes, batch or density that flips "
            "the winner?",
            f"{varied} Of the candidate's MACs and SRAM: the break-even table.",
        ),
        (
            "What is lost when each unit of the candidate is taken away?",
            f"{varied} With all its sparsity off: {_span(dense)} of the baseline.",
        ),
        (
            "How far does the result move with another text, layer, placement or seed?",
            f"{varied} Over workloads: the spread beside every mean; summary.csv has every layer.",
        ),
        (
            "What does the sparse logic cost in area and energy?",
            sparse_cost(study.comparisons, study.costs),
        ),
        (
            "Which parts were validated, against what, with what error?",
            "The table of validation has every model in use, and says which of them have no "
            "reference outside.",
        ),
    ]


def _span(over: Spread) -> str:
    if over.minimum == over.maximum:
        return times(over.geomean)
    return f"{times(over.geomean)} ({times(over.minimum)} to {times(over.maximum)})"


def _preload(archs: Iterable[Arch]) -> str:
    said = []
    for arch in archs:
        if arch.array.kind == "systolic":
            rows = arch.array.preload_rows_per_cycle
            said.append(f"{arch.name} has fold rule {arch.array.fold_rule}, {rows} rows a cycle")
    return "; ".join(said) or "No machine is a systolic array"


def _metadata(comparisons: Sequence[Comparison]) -> str:
    sums: dict[str, int] = {}
    for comparison in comparisons:
        for role, result in shown_results(comparison).items():
            rows = result.traffic[result.traffic["cause"] == "metadata"]
            sums[role] = sums.get(role, 0) + int(rows["dram_bytes"].sum())
    shown = ", ".join(f"{ROLE_TITLES[role]} {as_bytes(size)}" for role, size in sums.items())
    return f"Metadata moved over all workloads: {shown}."


def _selection(comparisons: Sequence[Comparison]) -> str:
    by_kind: dict[str, list[str]] = {}
    for comparison in comparisons:
        for kind in comparison.selections():
            by_kind.setdefault(kind, []).append(comparison.trace.name)
    said = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in by_kind.items())
    return f"{said or 'no indices are chosen'}. See who pays for the indices."


def _lines(archs: Iterable[Arch]) -> str:
    return "; ".join(
        dict.fromkeys(
            f"lines of {arch.dram.line} B, {arch.load.outstanding:,} outstanding, "
            f"{dram_text([arch])}"
            for arch in archs
        )
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
