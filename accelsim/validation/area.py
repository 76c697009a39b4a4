"""Suite `area`: published areas and powers beside those of the model, whatever the ratio is.

Every row of `published_area_power.csv` is computed with the cost table whose node is nearest, in
the scope that the row names (see `accelsim.validation.scope`): presets have units around the array
that papers do not have. No figure of a cost table is fitted to these rows, so they are shown and
not judged. `expect` says how a row is read: `equal`; `at most` where the published figure is a
bound of a whole that holds more than the model (a die, idle power); `at least` where our peak power
has to lie above it (a thermal design power, a measured load).

What the ratios mean for comparisons of sparse with dense machines is in `remarks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from accelsim.arch.load import load_arch, published_names
from accelsim.arch.spec import Arch
from accelsim.cost.figure import Figure
from accelsim.cost.load import cost_table_names, load_cost_table
from accelsim.cost.table import CostTable
from accelsim.errors import InputError
from accelsim.hardware.catalogue import components
from accelsim.hardware.component import Component, Priced, summed
from accelsim.hardware.ratio import by_entry, ratio
from accelsim.validation import scope
from accelsim.validation.outcome import TREND, Compared, Row
from accelsim.validation.table import Line, read_table

BUILT_IN = ("published_area_power.csv",)
EXPECTS = ("equal", "at most", "at least")
UNITS = {
    "area_mm2": "mm2", "power_w": "W", "gates_k": "k gates", "sram_kib": "KiB",
    "area_ratio": "ratio", "power_ratio": "ratio",
}  # fmt: skip
ROUNDING = 0.005  # of published figures
IDLE = "idle"  # how the basis of a power starts that is held against leakage
REFERENCE_ARRAY = "sigma_reference_array"
# What SIGMA is compared with: a 128 x 128 systolic array of bf16 with as much storage beside the
# multipliers as the preset `sigma` has.
REFERENCE_SETTINGS = (
    "clock=500 MHz",
    "mac_type=bf16",
    "array.shapes=[{count: 1, rows: 128, columns: 128}]",
    "array.stationary=64 KiB",
    "array.accumulators=64 KiB",
)
_COLUMNS = (
    "machine", "component", "quantity", "value", "low", "high", "node_nm", "basis", "source",
    "mark", "scope", "expect", "why",
)  # fmt: skip


def read_rows(path: Path) -> Iterator[Row]:
    """Compute every row of a CSV file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        The file cannot be used, or a row cannot be computed; the message names line and column.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    for line in table.lines:
        yield _row(line)


def machine_of(name: str) -> Arch:
    """The preset of a machine; SIGMA's reference array is made of `systolic_128`."""
    if name == REFERENCE_ARRAY:
        return load_arch("systolic_128", list(REFERENCE_SETTINGS))
    return load_arch(name)


def nearest_table(node_nm: float) -> CostTable:
    """The shipped cost table whose node is nearest, as a ratio."""
    tables = map(load_cost_table, cost_table_names())
    return min(tables, key=lambda table: abs(math.log(table.node_nm / node_nm)))


@cache
def _built(machine: str, table: str) -> tuple[Arch, tuple[Component, ...]]:
    arch = machine_of(machine)
    return arch, components(arch, load_cost_table(table))


def _row(line: Line) -> Row:
    machine = line.choice("machine", [*published_names(), REFERENCE_ARRAY])
    quantity = line.choice("quantity", UNITS)
    node = line.number_at("node_nm")
    table = nearest_table(node)
    model = _model(line, machine, quantity, table.name)
    published = _ends(line)
    expect = line.choice("expect", EXPECTS)
    not_above = model.low <= published[1] * (1 + ROUNDING)
    not_below = model.high >= published[0] * (1 - ROUNDING)
    inside = {
        "equal": not_above and not_below, "at most": not_above, "at least": not_below,
    }[expect]  # fmt: skip
    component = line.text("component")
    said = "" if table.node_nm == node else f", {table.name} table for {node:g} nm"
    return Row(
        f"{machine}: {component}{said}",
        line.number_at("value"), model.value, label=TREND, source=line.text("source"),
        unit=UNITS[quantity],
        compared=Compared(
            machine, component, quantity, table.name, model.low, model.high, expect, inside,
            line.text("basis"), line.text("mark"), model.unverified, line.fields["why"],
        ),
    )  # fmt: skip


def _ends(line: Line) -> tuple[float, float]:
    value = line.number_at("value")
    low = line.number_at("low") if line.fields["low"] else value
    return low, line.number_at("high") if line.fields["high"] else value


def _model(line: Line, machine: str, quantity: str, table: str) -> Figure:
    """What the model says in the scope of a row."""
    arch, parts = _built(machine, table)
    words, where = line.text("scope"), line.where("scope")
    taken = scope.in_scope(words, parts, where)
    if quantity == "sram_kib":
        size = scope.storage_kib(taken, arch)
        return Figure(size, size, size, "KiB", f"preset {machine}", "derived")
    if quantity.endswith("_ratio"):
        other_name = line.text("component").removeprefix("over ")
        if other_name not in (*published_names(), REFERENCE_ARRAY):
            raise InputError(
                f"'{other_name}' is no machine", where=line.where("component"),
                remedy="a ratio is 'over MACHINE'",
            )  # fmt: skip
        other, others = _built(other_name, table)
        whole = f"{quantity.removesuffix('_ratio')}_{'mm2' if quantity[0] == 'a' else 'w'}"
        above = _priced(whole, "", taken, arch)
        below = _priced(whole, "", scope.in_scope(words, others, where), other)
        found = ratio(by_entry(above), by_entry(below))
        mark = summed([*above, *below], "")
        return Figure(
            found.value, found.low, found.high, "ratio", mark.source, mark.mark, mark.unverified
        )
    return summed(_priced(quantity, line.text("basis"), taken, arch), UNITS[quantity])


def _priced(quantity: str, basis: str, taken: list[scope.Taken], arch: Arch) -> list[Priced]:
    if quantity == "area_mm2":
        return scope.area_of(taken)
    if quantity == "gates_k":
        return scope.gates_of(taken)
    if basis.startswith(IDLE):
        return scope.leakage_of(taken)
    return scope.peak_of(taken, arch.clock_ps)


MATRIX_UNITS = (("tpu_v1", "matrix unit"), ("tpu_v4i", "matrix units"))
# Not the common memory of TPUv4i, from whose area the 7nm table has its SRAM.
MEMORIES = (
    ("tpu_v1", "unified buffer"), ("tpu_v1", "accumulators"), ("matraptor", "sorting queues"),
    ("gamma", "fibre cache"), ("eie", "total"),
)  # fmt: skip
NOT_LOGIC = ("sram area", "DRAM interface")
SPARSE, DENSE = "sparse_v1", "systolic_128"
NODES = ("45nm", "7nm")


def remarks(rows: Sequence[Row]) -> tuple[str, ...]:
    """What the rows say of logic and SRAM, and what follows for sparse machines, as Markdown.

    Nothing, if rows that this needs are not there.
    """
    areas = {
        (row.compared.machine, row.compared.component): row
        for row in rows
        if row.compared is not None and row.compared.quantity == "area_mm2"
    }
    if not all(key in areas for key in (*MATRIX_UNITS, *MEMORIES)):
        return ()
    logic = [areas[key] for key in MATRIX_UNITS]
    first = (
        "**Logic is too small, SRAM is not.** Published over model: "
        + _listed(logic)
        + ". The model sums multipliers, adders and registers; placement density, clock tree,"
        " wiring, control and test of a PE are not in such a sum. Memories: "
        + _listed([areas[key] for key in MEMORIES])
        + ". Those of MatRaptor and GAMMA are CACTI's, as is our table; EIE, nearly all memory,"
        " is as large as memories of one port, and the model's have two. No figure is corrected"
        " by these rows."
    )
    return first, _equal_area(sorted(1 / row.ratio for row in logic))


def _listed(rows: Sequence[Row]) -> str:
    return ", ".join(
        f"{1 / row.ratio:.2f} ({row.compared.machine}, {row.compared.component})"
        for row in rows
        if row.compared is not None
    )


def _equal_area(factors: Sequence[float]) -> str:
    """How the sparse share and the ratio of areas move if all logic is so much larger."""
    lines = [
        f"**What that means at equal area.** If all logic (not SRAM, not the DRAM interface) of"
        f" `{SPARSE}` and `{DENSE}` were larger by the factors of the published matrix units, the"
        " sparse machine would be larger beside the dense one: the tables as they are favour it.",
        "",
        f"| cost table | logic x | sparse-only share of {SPARSE} | {SPARSE} / {DENSE}, area |",
        "|---|---:|---:|---:|",
    ]
    for node in NODES:
        for factor in (1.0, *factors):
            sparse, whole = _larger(SPARSE, node, factor)
            _, dense = _larger(DENSE, node, factor)
            lines.append(
                f"| {node} | {factor:.2f} | {100 * sparse / whole:.1f} % | {whole / dense:.3f} |"
            )
    return "\n".join(lines)


def _larger(machine: str, table: str, factor: float) -> tuple[float, float]:
    """Area that is there for sparsity alone and of the chip, um2, logic that much larger."""
    sparse = whole = 0.0
    for part in _built(machine, table)[1]:
        if not part.on_chip:
            continue
        area = sum(
            figure.value * (1 if entry in NOT_LOGIC else factor) for figure, entry in part.area
        )
        whole += area
        sparse += area if part.sparse else 0.0
    return sparse, whole
