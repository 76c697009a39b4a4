"""Every column of the tables of area and energy: unit, formula, expression and source.

Of the same form as `accelsim.analysis.columns`, from which `Column` comes.
"""

from __future__ import annotations

from accelsim.analysis.columns import Column, Group
from accelsim.hardware.component import GROUPS

_PARTS = "components of the architecture: accelsim/hardware/catalogue.py"
_TABLE = "cost table: docs/cost_tables.md"
_COUNTS = "counters of tasks and the DRAM's schedule: accelsim/hardware/counts.py"
_ENERGY = "derived: accelsim/hardware/energy.py"
_AREA = "derived: accelsim/hardware/area.py"

AREA_COLUMNS = (
    Column("group", "", "unit that the component belongs to", _PARTS),
    Column("component", "", "its name", _PARTS),
    Column("count", "", "how many there are", _PARTS),
    Column("area_mm2", "mm2", "of all of them", _AREA),
    Column("area_low_mm2", "mm2", "with every figure at its low end", _AREA),
    Column("area_high_mm2", "mm2", "with every figure at its high end", _AREA),
    Column("leakage_w", "W", "of all of them", _AREA),
    Column("peak_power_w", "W", "leakage + each action at its full rate", _AREA),
    Column("peak_power_low_w", "W", "with every figure at its low end", _AREA),
    Column("peak_power_high_w", "W", "with every figure at its high end", _AREA),
    Column("sparse", "", "there for sparsity alone", _PARTS),
    Column("mark", "", "how its figures are known", _TABLE),
    Column("unverified", "", "some figure in it was not looked up", _TABLE),
    Column("note", "", "what it is taken as", _PARTS),
)

ACTION_COLUMNS = (
    Column("group", "", "unit that the component belongs to", _PARTS),
    Column("component", "", "its name", _PARTS),
    Column("action", "", "what it does; leakage is counted in ps", _PARTS),
    Column("entry", "", "figure of the cost table that the energy hangs on", _TABLE),
    Column("count", "", "how often", _COUNTS),
    Column("each", "", "energy of one, in `unit`", _TABLE),
    Column("unit", "", "pJ, or mW of leakage", _TABLE),
    Column("energy_pj", "pJ", "count x each", _ENERGY),
    Column("low_pj", "pJ", "count x the low end", _ENERGY),
    Column("high_pj", "pJ", "count x the high end", _ENERGY),
    Column("mark", "", "how the figure is known", _TABLE),
    Column("unverified", "", "some figure in it was not looked up", _TABLE),
    Column("source", "", "where the figure was published", _TABLE),
)


def group_column(group: str) -> str:
    """Column of the energy of a group: ``dram_interface_pj``."""
    return f"{group.lower().replace(' ', '_')}_pj"


OPERATOR_ENERGY_COLUMNS = (
    Column("operator", "", "index in the trace", _ENERGY),
    Column("scope", "", "name in the model", _ENERGY),
    *(
        Column(group_column(group), "pJ", f"energy of the {group}: actions and leakage", _ENERGY)
        for group in GROUPS
    ),
    Column(
        "energy_pj", "pJ", "sum over groups", _ENERGY,
        " + ".join(group_column(group) for group in GROUPS),
    ),
)  # fmt: skip

PRICE_COLUMN = Column(
    "price_usd", "USD", "of a die that works and of the DRAM's capacity; empty where not known",
    "derived: accelsim/hardware/price.py",
)  # fmt: skip

ENERGY_COLUMNS = (
    Column("cost_table", "", "name of the cost table", _TABLE),
    Column("energy_pj", "pJ", "sum over actions, DRAM included", _ENERGY, "sum(actions.energy_pj)"),
    Column(
        "energy_low_pj", "pJ", "with every figure at its low end", _ENERGY, "sum(actions.low_pj)"
    ),
    Column(
        "energy_high_pj", "pJ", "with every figure at its high end", _ENERGY,
        "sum(actions.high_pj)",
    ),
    Column("dram_energy_pj", "pJ", "of it DRAM devices", _ENERGY, "sum(operators.dram_pj)"),
    Column("leakage_pj", "pJ", "of it leakage of the chip", _ENERGY),
    Column(
        "tokens", "", "tokens of the run: one a sequence in decoding, else all of them", _ENERGY
    ),
    Column("token_pj", "pJ", "energy / tokens", _ENERGY, "energy_pj / tokens"),
    Column("power_w", "W", "energy / time", _ENERGY, "energy_pj / total_ps"),
    Column(
        "tops_per_w", "TOPS/W", "2 x effectual MACs / energy", _ENERGY,
        "2 * effectual_macs / energy_pj",
    ),
    Column(
        "edp_js", "J s", "energy x time", _ENERGY, "energy_pj * total_ps / 1e24"
    ),
    Column("area_mm2", "mm2", "of the chip", _AREA, "sum(area.area_mm2)"),
    Column("peak_power_w", "W", "of the chip: every unit at its full rate", _AREA),
    Column("unverified_share", "", "share of the energy on figures not looked up", _ENERGY),
)  # fmt: skip

_RATIO = "derived: accelsim/hardware/ratio.py"


def _ratio(name: str, formula: str, expression: str) -> tuple[Column, ...]:
    """A ratio of a comparison and its range."""
    return (
        Column(name, "", formula, _RATIO, expression),
        Column(f"{name}_low", "", "least, over the ranges of the figures", _RATIO),
        Column(f"{name}_high", "", "most, over the ranges of the figures", _RATIO),
        Column(f"{name}_decided_by", "", "table entry that alone moves it most", _RATIO),
    )


COMPARED_COST_COLUMNS = (
    *_ratio(
        "energy_ratio", "baseline energy / this machine's energy", "baseline.energy_pj / energy_pj"
    ),
    *_ratio("area_ratio", "this machine's area / baseline area", "area_mm2 / baseline.area_mm2"),
)

# What area and energy add to a result's JSON, as `accelsim.analysis.columns` has it of the rest.
COST_PARTS: dict[str, tuple[Column, ...]] = {
    "energy.summary": ENERGY_COLUMNS,
    "energy.operators": OPERATOR_ENERGY_COLUMNS,
    "energy.actions": ACTION_COLUMNS,
    "area": AREA_COLUMNS,
    "compared_costs": COMPARED_COST_COLUMNS,
}
COST_GROUPS: tuple[Group, ...] = (
    ("Energy", "energy.csv", ENERGY_COLUMNS),
    ("Energy of operators", "energy_operators.csv", OPERATOR_ENERGY_COLUMNS),
    ("Actions", "energy_actions.csv", ACTION_COLUMNS),
    ("Area and peak power", "area.csv", AREA_COLUMNS),
    ("Costs compared", "", COMPARED_COST_COLUMNS),
)
