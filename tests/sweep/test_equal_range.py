"""A comparison at equal area over the range of the cost table."""

from __future__ import annotations

import pytest

from accelsim.arch.load import arch_source
from accelsim.simulation import compare
from accelsim.sweep.equal import Equal
from accelsim.sweep.equal_range import over_range
from accelsim.sweep.measures import Terms
from accelsim.workload.operators import Matmul
from accelsim.workload.trace import Trace

LEVEL = ["dram.level=simple"]
PRODUCT = Trace(name="product", operators=(Matmul(scope="x", m=512, n=512, k=512),))


def made(measure: str, *scale: str) -> Equal:
    names = {"baseline": "systolic_32", "third": "systolic_32_gather", "candidate": "sparse_small"}
    machines = {role: arch_source(name).changed(LEVEL) for role, name in names.items()}
    return Terms(measure, scale).machines(machines, PRODUCT)


@pytest.mark.parametrize("measure", ["area", "power"])
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
    assert not made("macs").ends
