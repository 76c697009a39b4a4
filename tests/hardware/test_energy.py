"""Energy of runs: every action is counted once, however it is summed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from accelsim import load_arch, load_trace
from accelsim.analysis.result import Result
from accelsim.analysis.states import task_lines
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.hardware.area import breakdown
from accelsim.hardware.catalogue import components
from accelsim.hardware.columns import group_column
from accelsim.hardware.component import GROUPS
from accelsim.hardware.counts import counted as counted_keys
from accelsim.hardware.counts import counts
from accelsim.hardware.energy import LEAKAGE, PJ_PER_MW_PS, Energy, energy_of
from accelsim.simulation import simulate
from accelsim.workload.operators import Matmul
from accelsim.workload.patterns import pattern_from_mask
from accelsim.workload.trace import Trace

MACHINES = ("systolic_32", "systolic_32_gather", "sparse_small", "gamma", "sigma", "outerspace")
TABLE = load_cost_table(DEFAULT_TABLE)


PUBLISHED = ("gamma", "sigma", "outerspace")


@lru_cache
def ran(name: str) -> Result:
    arch = load_arch(name, ["dram.level=simple"])
    return simulate(arch, sparse_product() if name in PUBLISHED else load_trace("tiny_moe_lm"))


def sparse_product() -> Trace:
    """Half of A and a quarter of B are kept."""
    draw = np.random.default_rng(7)
    a, b = (pattern_from_mask(draw.random((96, 128)) < part) for part in (0.5, 0.25))
    op = Matmul(scope="x", m=96, n=96, k=128, activation_pattern=a, weight_pattern=b, repeat=3)
    return Trace(name="product", operators=(op,))


@lru_cache
def spent(name: str) -> Energy:
    return energy_of(ran(name), TABLE)


def streamed(arch: Arch, m: int = 16, n: int = 4096, k: int = 4096) -> Result:
    """Weights that are read once, one behind the other."""
    return simulate(arch, Trace(name="stream", operators=(Matmul(scope="x", m=m, n=n, k=k),)))


def counted(energy: Energy, group: str, action: str) -> float:
    """Count of an action, whose every figure has the same."""
    rows = energy.actions
    rows = rows[(rows["group"] == group) & (rows["action"] == action)]
    return float(rows["count"].iloc[0]) if len(rows) else 0.0


@pytest.mark.parametrize("name", MACHINES)
def test_sums_by_action_and_by_operator_are_the_same(name: str) -> None:
    energy = spent(name)
    total = energy.summary["energy_pj"]
    assert total == pytest.approx(energy.actions["energy_pj"].sum(), rel=1e-12)
    assert total == pytest.approx(energy.operators["energy_pj"].sum(), rel=1e-9)
    for group in GROUPS:
        by_action = energy.actions.loc[energy.actions["group"] == group, "energy_pj"].sum()
        by_operator = energy.operators[group_column(group)].sum()
        assert by_operator == pytest.approx(by_action, rel=1e-9, abs=1e-6), group


@pytest.mark.parametrize("name", MACHINES)
def test_counts_are_those_of_the_tasks(name: str) -> None:
    result, energy = ran(name), spent(name)
    counters = result.program.counters
    repeats = np.array([op.repeat for op in result.trace.operators])[result.program.operator]
    macs = sum(
        counted(energy, "array", action)
        for action in energy.actions["action"].unique()
        if "MAC" in action
    )
    assert macs == (counters["issued_macs"] * repeats).sum()
    for action, counter in (("bit read", "read_bytes"), ("bit written", "write_bytes")):
        assert counted(energy, "scratchpad", action) == 8 * (counters[counter] * repeats).sum()
    moved = counted(energy, "DRAM", "bit read") + counted(energy, "DRAM", "bit written")
    lines = (task_lines(result.program) - result.schedule.task_merged) * repeats
    assert moved == 8 * lines.sum() * result.arch.dram.line
    assert moved <= 8 * result.summary["dram_bytes"]
    loaded = lines[result.program.unit == result.program.units.name.index("load")].sum()
    assert counted(energy, "DRAM", "bit read") == 8 * loaded * result.arch.dram.line


# Written or read too seldom to matter, and counted nowhere.
NOT_COUNTED = {
    ("array", "query storage", "bit written"),
    ("array", "stationary operands", "bit read"),  # a pipeline register's third access
    ("index", "union window", "bit read"),
    ("array", "intersection", "comparison"),  # where a merge does the comparing
}


@pytest.mark.parametrize("name", MACHINES)
def test_every_action_of_every_component_is_counted(name: str) -> None:
    keys = counted_keys(ran(name)).keys() | NOT_COUNTED
    for part in components(ran(name).arch, TABLE):
        for action in part.actions:
            if "MAC" not in action:  # types that the trace does not have
                assert (part.group, part.name, action) in keys


@pytest.mark.parametrize("name", MACHINES)
def test_energy_is_counts_times_figures_once_each(name: str) -> None:
    """The other way round: from the components and their counts, not from the table of actions."""
    result = ran(name)
    parts = components(result.arch, TABLE)
    done = counts(result, parts)
    total = 0.0
    for part in parts:
        for action, priced in part.actions.items():
            times = done.get((part.group, part.name, action))
            if times is not None:
                total += times.sum() * sum(p.figure.value for p in priced)
        total += result.total_ps * PJ_PER_MW_PS * sum(p.figure.value for p in part.leakage)
    assert len({(part.group, part.name) for part in parts}) == len(parts)
    assert total == pytest.approx(spent(name).summary["energy_pj"], rel=1e-9)


@pytest.mark.parametrize("name", MACHINES)
def test_mean_power_is_below_the_peak(name: str) -> None:
    energy, made = spent(name), breakdown(ran(name).arch, TABLE)
    off_chip = energy.actions["group"] == "DRAM"
    chip_w = energy.actions.loc[~off_chip, "energy_pj"].sum() / ran(name).total_ps
    dram_w = energy.actions.loc[off_chip, "energy_pj"].sum() / ran(name).total_ps
    assert chip_w < made.peak_power_w.value
    assert (
        dram_w < made.dram_power_w.value * 1.05
    )  # writes may cost more than the reads of the peak


def test_a_sequential_stream_costs_its_bits_and_the_rows_that_it_opens() -> None:
    arch = load_arch("systolic_128")
    assert arch.dram.level == "request"
    result = streamed(arch)
    cost = TABLE.dram_of("hbm2")
    assert cost.read is not None
    assert cost.write is not None
    row = cost.opening(arch.dram.row_bytes)
    assert row is not None
    rows = energy_of(result, TABLE).actions
    dram = rows[(rows["group"] == "DRAM") & (rows["action"] != LEAKAGE)].set_index("action")
    moved = result.traffic.set_index("cause")["dram_bytes"]
    read = 8 * int(moved.drop("outputs", errors="ignore").sum())
    written = 8 * int(moved.get("outputs", 0))
    opened = int(result.schedule.task_activates.sum())
    want = read * cost.read.value + written * cost.write.value + opened * row.value
    refreshed = dram["energy_pj"].get("refresh", 0.0)
    assert dram["energy_pj"].sum() - refreshed == pytest.approx(want, rel=1e-12)
    least = (read + written) / 8 / arch.dram.row_bytes
    assert least <= opened <= 1.1 * least  # refreshes and interleaved writes open some again


def test_zero_operands_are_gated() -> None:
    """On a systolic array kept pairs cost a MAC, the value half of the others a gated one."""
    energy = spent("systolic_32")
    gated = counted(energy, "array", "gated MAC bf16")
    table = ran("systolic_32").operators
    rest = table["issued_macs"] - table["overhead_macs"] - table["effectual_macs"]
    assert 0 < gated <= rest.sum()
    assert counted(spent("sparse_small"), "array", "gated MAC bf16") < gated


def test_ten_times_the_work_is_ten_times_the_energy_of_actions() -> None:
    arch = load_arch("systolic_32", ["dram.level=simple"])
    one, ten = (energy_of(streamed(arch, m=m, n=512, k=512), TABLE) for m in (512, 5120))
    for action in ("MAC bf16", "register bit"):
        assert counted(ten, "array", action) == 10 * counted(one, "array", action)


def test_repeated_operators_count_as_often() -> None:
    arch = load_arch("systolic_32", ["dram.level=simple"])
    many = Trace(name="many", operators=(Matmul(scope="x", m=64, n=512, k=512, repeat=5),))
    alone = Trace(name="one", operators=(Matmul(scope="x", m=64, n=512, k=512),))
    first, other = (energy_of(simulate(arch, trace), TABLE) for trace in (many, alone))
    assert counted(first, "array", "MAC bf16") == 5 * counted(other, "array", "MAC bf16")
    assert counted(first, "DRAM", "bit read") == 5 * counted(other, "DRAM", "bit read")


def test_the_range_holds_the_value() -> None:
    summary = spent("sparse_small").summary
    assert summary["energy_low_pj"] < summary["energy_pj"] < summary["energy_high_pj"]
    assert summary["cost_table"] == TABLE.name
    assert 0 < summary["unverified_share"] < 1
