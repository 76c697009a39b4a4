"""A comparison at equal area over the range of the cost table."""

from __future__ import annotations

import pytest

from accelsim.arch.load import arch_source
from accelsim.arch.spec import Arch
from accelsim.cost.load import load_cost_table
from accelsim.hardware.compared import costs_of
from accelsim.hardware.ratio import ByEntry, Span
from accelsim.simulation import compare
from accelsim.sweep.equal import Equal, equal_machines
from accelsim.sweep.equal_range import over_range
from accelsim.sweep.equalised import TOLERANCE, Measure
from accelsim.sweep.measures import Terms, area_measure
from accelsim.workload.operators import Matmul
from accelsim.workload.trace import Trace

LEVEL = ["dram.level=simple"]
PRODUCT = Trace(name="product", operators=(Matmul(scope="x", m=512, n=512, k=512),))


def made(measure: str, *scale: str) -> Equal:
    names = {"baseline": "systolic_32", "third": "systolic_32_gather", "candidate": "sparse_small"}
    machines = {role: arch_source(name).changed(LEVEL) for role, name in names.items()}
    return Terms(measure, scale).machines(machines, PRODUCT)


@pytest.mark.parametrize("measure", ["area", "power", "cost"])
def test_the_range_holds_the_speedup(measure: str) -> None:
    equal = made(measure)
    archs = {role: source.arch() for role, source in equal.machines.items()}
    plain = compare(
        archs["baseline"], archs["candidate"], PRODUCT, archs["third"], at_equal=equal.said
    )
    assert plain.at_equal is not None
    assert not plain.at_equal.ranges
    found = over_range(plain, equal.ends).at_equal
    assert found is not None
    assert found.ranges.keys() == {"baseline", "third"}
    for role, over in found.ranges.items():
        assert over.low < over.ratio < over.high
        assert over.decided_by
        # more area for a rival makes it no slower, so the candidate's speedup over it falls
        assert over.speedups[1] >= over.speedups[2]
        own = plain.results[role].total_ps / plain.results["candidate"].total_ps
        assert over.speedups[0] == pytest.approx(own)
        assert over.spread.minimum <= own <= over.spread.maximum


def test_a_range_of_energies_holds_those_of_both_ends() -> None:
    equal, table = made("area"), load_cost_table("45nm")
    archs = {role: source.arch() for role, source in equal.machines.items()}
    plain = compare(
        archs["baseline"], archs["candidate"], PRODUCT, archs["third"], at_equal=equal.said
    )
    found = over_range(plain, equal.ends, costs=table)
    assert found.at_equal is not None and found.at_equal.energies.keys() == {"baseline", "third"}
    at_sizes, over = costs_of(plain, table).energy_ratios, costs_of(found, table).energy_ratios
    for role, ratio in over.items():
        assert (ratio.value, ratio.decided_by) == at_sizes[role][::3]
        for end in ("low", "high"):
            ends = {name: getattr(each, end).source.arch() for name, each in equal.ends.items()}
            by = compare(ends["baseline"], archs["candidate"], PRODUCT, ends["third"])
            there = costs_of(by, table).energy_ratios[role]
            assert ratio.low <= there.low and there.high <= ratio.high
        assert ratio.low < at_sizes[role].low or ratio.high > at_sizes[role].high
    assert "energies" not in found.at_equal.as_json()


def test_a_scaled_candidate_is_held_against_the_baseline() -> None:
    equal = made("area", "candidate")
    archs = {role: source.arch() for role, source in equal.machines.items()}
    plain = compare(archs["baseline"], archs["candidate"], PRODUCT, at_equal=equal.said)
    found = over_range(plain, equal.ends).at_equal
    assert found is not None
    over = found.ranges["candidate"]
    assert over.low < over.ratio < over.high < 1  # the baseline is the smaller one
    assert over.speedups[0] == pytest.approx(plain.speedup())


def test_equal_macs_have_no_range() -> None:
    equal = made("macs")
    assert not equal.ends and not equal.remarks


def test_ends_are_scaled_in_the_way_of_the_value_and_have_the_range_of_the_ratio() -> None:
    area, cost = made("area"), made("cost")
    for role, ends in area.ends.items():
        how = area.scaled[role]
        assert {ends.low.way, ends.high.way} == {how.way}
        assert ends.ratio.value == pytest.approx(area.target / how.before)
        for end, scaled in ((ends.ratio.low, ends.low), (ends.ratio.high, ends.high)):
            assert scaled.after == pytest.approx(end * how.before, rel=TOLERANCE)
            (price,) = [getattr(cost.ends[role].ratio, name) / cost.ends[role].ratio.value
                        for name in ("low", "high")
                        if getattr(ends.ratio, name) == end]  # fmt: skip
            assert price == pytest.approx(end / ends.ratio.value)  # it goes with the area


def far_off(measure: Measure, name: str, times: float) -> Measure:
    """The same with ranges by which one machine may be so many times as large as it is."""

    def by_entry(arch: Arch) -> ByEntry:
        value = measure.of(arch)
        return {"own": Span(value, value, value * (times if arch.name == name else 1))}

    return measure._replace(by_entry=by_entry)


def test_an_end_that_cannot_be_met_is_said() -> None:
    names = {"baseline": "systolic_32", "candidate": "sparse_small"}
    machines = {role: arch_source(name).changed(LEVEL) for role, name in names.items()}
    area = area_measure(load_cost_table("45nm"))
    equal = equal_machines(machines, far_off(area, "sparse_small", 1000.0))
    assert not equal.ends
    assert "more than x64 is not tried" in equal.remarks["baseline"]
    assert equal.said.remarks == equal.remarks


def test_an_end_that_cannot_run_is_said() -> None:
    equal = made("area")
    archs = {role: source.arch() for role, source in equal.machines.items()}
    plain = compare(archs["baseline"], archs["candidate"], PRODUCT, at_equal=equal.said)
    none = arch_source("systolic_32").changed(["mac_rate={fp32: 1}"])
    ends = equal.ends["baseline"]
    broken = ends._replace(low=ends.low._replace(source=none))
    found = over_range(plain, {"baseline": broken}).at_equal
    assert found is not None and not found.ranges
    assert "bf16" in found.remarks["baseline"]
