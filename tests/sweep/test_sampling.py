"""The points of a plan: order of a grid, strata of a Latin hypercube, streams that stand alone."""

from __future__ import annotations

import pytest

from accelsim.sweep.plan import Plan
from accelsim.sweep.sampling import count_points, points
from accelsim.sweep.values import as_number


def plan(**fields) -> Plan:
    """A plan of two architectures and workloads."""
    given = {
        "name": "p",
        "architectures": ["systolic_32", "sparse_small"],
        "workloads": ["tiny_moe_lm", "longctx_8k"],
        "parameters": {
            "a": {"path": "load.outstanding", "values": [1, 2, 3]},
            "b": {"path": "array.fifo_depth", "values": [4, 8], "only": "sparse_small"},
        },
    }
    return Plan.model_validate(given | fields)


def test_a_grid_changes_its_last_parameter_fastest_and_leaves_out_what_does_not_apply():
    found = list(points(plan()))
    assert [point.number for point in found] == list(range(18)) and count_points(plan()) == 18
    first = [(point.arch, *point.values.values()) for point in found[:9]]
    assert first == [(0, 1), (0, 2), (0, 3)] + [(1, a, b) for a in (1, 2, 3) for b in (4, 8)]
    assert {point.workload for point in found[:9]} == {0} and found[9].workload == 1


def test_a_list_gives_what_it_names():
    listed = {"kind": "list", "points": [{"a": 7}, {"b": 5}, {}]}
    found = [point.values for point in points(plan(sampling=listed, workloads=["tiny_moe_lm"]))]
    assert found == [{"a": 7}, {}, {}, {"a": 7}, {"b": 5}, {}]


@pytest.mark.parametrize("kind", ["random", "latin_hypercube"])
def test_samples_are_the_same_on_every_machine_and_with_further_parameters(kind):
    sampling = {"kind": kind, "points": 20, "seed": 3}
    ranged = {"path": "dram.bandwidth", "range": {"low": "10 GB/s", "high": "90 GB/s"}}
    one = plan(sampling=sampling, parameters={"x": ranged})
    found = list(points(one))
    assert len(found) == 80
    by_arch = [[p.values["x"] for p in found if (p.arch, p.workload) == at]
               for at in ((0, 0), (1, 0), (0, 1))]  # fmt: skip
    assert by_arch[0] == by_arch[1] == by_arch[2] and len(set(by_arch[0])) == 20
    more = {"y": {"path": "load.outstanding", "values": [1, 2, 3, 4]}, "x": ranged}
    two = list(points(plan(sampling=sampling, parameters=more)))
    assert [p.values["x"] for p in two[:20]] == by_arch[0]
    other = plan(sampling={**sampling, "seed": 4}, parameters={"x": ranged})
    assert next(iter(points(other))).values != found[0].values


def test_a_latin_hypercube_uses_every_stratum_once():
    parameters = {
        "x": {"path": "dram.bandwidth", "range": {"low": "1 GB/s", "high": "17 GB/s"}},
        "y": {"path": "load.outstanding", "values": [1, 2, 3, 4]},
    }
    sampling = {"kind": "latin_hypercube", "points": 16, "seed": 1}
    found = list(points(plan(sampling=sampling, parameters=parameters, workloads=["t"])))[:16]
    strata = sorted((as_number(p.values["x"]) - 10**9) // 10**9 for p in found)
    assert strata == list(range(16))
    counts = [sum(p.values["y"] == value for p in found) for value in (1, 2, 3, 4)]
    assert counts == [4, 4, 4, 4]
