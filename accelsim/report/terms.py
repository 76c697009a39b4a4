"""What machines have in common and what not, in one line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from accelsim.analysis.comparison import Comparison
from accelsim.analysis.result import Result
from accelsim.arch.equal import PEAK, Row, array_shape, scales
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES, BYTES_PER_SECOND
from accelsim.report.words import LEVEL_WORDS, ROLE_TITLES, as_bytes

SIZE = "MACs, on-chip bytes"  # what is equal in machines that were not scaled
# Terms that are shown in the line, by the name of their row in `arch.equal`.
_SHORT: dict[str, Callable[[Arch], str]] = {
    "on-chip bytes, all storage": lambda a: f"{BYTES.format(a.on_chip)} on chip",
    "scratchpad read a cycle": lambda a: f"{a.scratchpad.read_bytes_per_cycle:,} B/cycle ports",
    "DRAM": lambda a: f"{BYTES_PER_SECOND.format(a.dram.bandwidth)} DRAM",
    "read lines outstanding": lambda a: f"{a.load.outstanding:,} lines outstanding",
    "vector lanes": lambda a: f"{a.vector.lanes} vector lanes",
    "clock": lambda a: f"{1000 / a.clock_ps:.4g} GHz",
}


def machines(comparison: Comparison) -> list[Arch]:
    """The architectures compared, without the candidate's dense twin."""
    return [result.arch for result in shown_results(comparison).values()]


def shown_results(comparison: Comparison) -> dict[str, Result]:
    """Results by role, without the candidate's dense twin."""
    return {r: result for r, result in comparison.results.items() if r != "candidate_dense"}


def machine_label(role: str, arch: Arch) -> str:
    """Role and name of a machine; the name alone where it has no role."""
    return f"{ROLE_TITLES[role]}: {arch.name}" if role in ROLE_TITLES else arch.name


def role_meanings(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """Titles of the roles that there are, and what stands in them."""
    found: dict[str, dict[str, Arch]] = {}
    for comparison in comparisons:
        for role, result in comparison.results.items():
            found.setdefault(role, {})[result.arch.name] = result.arch
    return [
        (title, _meaning(role, list(found[role].values())))
        for role, title in ROLE_TITLES.items()
        if role in found
    ]


def _meaning(role: str, archs: Sequence[Arch]) -> str:
    """What machines of a role are; in words of their kind where they are what it is made for."""
    kinds = {arch.array.kind for arch in archs}
    gathers = {arch.load.gathers_attention for arch in archs}
    if role == "candidate_dense":
        return (
            "the candidate computing densely, so that a gain from its shape is not called sparsity"
        )
    if role == "baseline" and (kinds, gathers) == ({"systolic"}, {False}):
        return "the systolic array: computes every block that the pattern touches"
    if role == "third" and (kinds, gathers) == ({"systolic"}, {True}):
        return (
            "a systolic array with a gathering DMA: fetches the union of a tile's keys and "
            "computes it densely, masked"
        )
    if role == "candidate" and kinds == {"sparse"}:
        return "the sparse machine"
    of = {"baseline": "measured against", "third": "a further rival"}.get(role, "in question")
    return f"{of}: {', '.join(arch.name for arch in archs)}"


def clock_and_dram_text(archs: list[Arch]) -> str:
    """The clock, or every clock where they differ, and the level of DRAM."""
    clocks = [f"{1000 / arch.clock_ps:.4g} GHz" for arch in archs]
    if len(set(clocks)) == 1:
        return f"{clocks[0]}, {dram_text(archs)}"
    each = (f"{arch.name} {clock}" for arch, clock in zip(archs, clocks, strict=True))
    return f"{', '.join(each)}, {dram_text(archs)}"


def dram_text(archs: Sequence[Arch]) -> str:
    """The level at which DRAM is modelled: "DRAM: request level"."""
    return f"DRAM: {', '.join(LEVEL_WORDS[level] for level in dram_levels(archs))}"


def dram_levels(archs: Sequence[Arch]) -> list[str]:
    """The levels at which DRAM is modelled, each once."""
    return list(dict.fromkeys(arch.dram.level for arch in archs))


def equal_line(comparison: Comparison) -> str:
    """The main terms that are equal, and how many more are."""
    equal, _ = comparison.equal_and_different()
    names = {row.name for row in equal}
    baseline = comparison.results["baseline"].arch
    parts = [term(baseline) for name, term in _SHORT.items() if name in names]
    dtype = comparison.trace.replayed_in or next(iter(baseline.mac_rate))
    if f"{PEAK} {dtype}" in names:
        parts.insert(0, f"{baseline.peak_macs_per_cycle(dtype):,} {dtype} MACs a cycle")
    more = len(equal) - len(parts)
    if comparison.at_equal is not None:
        table = comparison.at_equal.table
        by = f" by {table}" * bool(table)
        parts.insert(0, f"{comparison.at_equal.measure}{by} within 1 %")
    return ", ".join(parts) + (f", and {more} more terms" if more > 0 else "")


def unfair(comparison: Comparison) -> list[Row]:
    """What should be equal and is not; of the MAC rates those of types that the trace has."""
    _, different = comparison.equal_and_different()
    return _of_types(comparison, [row for row in different if row.required])


def _of_types(comparison: Comparison, rows: Sequence[Row]) -> list[Row]:
    """Without the MAC rates of types that the trace has not."""
    used = {f"{PEAK} {op.dtype}" for op in comparison.trace.operators}
    return [row for row in rows if row.name in used or not row.name.startswith(PEAK)]


def differs_line(comparison: Comparison) -> str:
    """What differs; terms that should be equal first, with their values."""
    _, different = comparison.equal_and_different()
    parts = [f"SHOULD BE EQUAL: {row.name} {_values(row)}" for row in unfair(comparison)]
    archs = machines(comparison)
    rest = _of_types(comparison, [row for row in different if not row.required])
    if any(row.name == "array" for row in rest):
        shapes = " / ".join(f"{a.array.kind} {array_shape(a)}" for a in archs)
        parts.append(f"array {shapes}")
    if any(row.name == "scratchpad" for row in rest):
        parts.append("scratchpad " + " / ".join(as_bytes(a.scratchpad_bytes) for a in archs))
    told = [row for row in rest if row.name == "gathers keys for attention" or scales(row.name)]
    parts += [f"{row.name} {_values(row)}" for row in told]
    named = ("array", "scratchpad", *(row.name for row in told))
    parts += [row.name for row in rest if row.name not in named]
    return "; ".join(parts) if parts else "nothing"


def _values(row: Row) -> str:
    return " / ".join(row.values)
