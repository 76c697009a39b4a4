"""The SRAM model: near to CACTI, also where it has not seen it, and never falling."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accelsim.cost.load import load_cost_table
from accelsim.cost.sram import (
    LOW_POWER,
    LOW_POWER_STEP,
    QUANTITIES,
    TWO_PORTS_MOST,
    CactiSram,
    cacti_nodes,
    cacti_points,
    evaluate,
    fits,
)
from accelsim.errors import InputError

NODES = (22, 32, 45)
SIZES = np.geomspace(1 << 10, 1 << 24, 85)
WIDTHS = np.geomspace(4, 128, 31)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "fit_sram.py"
    spec = importlib.util.spec_from_file_location("fit_sram", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_nodes():
    assert cacti_nodes() == list(NODES) and len(fits()) == len(NODES) * len(QUANTITIES)


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("banks", [1, 2, 4, 8, 16])
def test_it_never_falls_with_size_or_width(node, quantity, banks):
    """Two ports are a factor over this grid, so they cannot change the order."""
    size, width = (axis.ravel() for axis in np.meshgrid(SIZES, WIDTHS, indexing="ij"))
    fit = fits()[node, quantity]
    values = evaluate(fit, size, width, np.full(size.shape, banks)).reshape(len(SIZES), -1)
    assert (np.diff(values, axis=0) > 0).all() and (np.diff(values, axis=1) >= 0).all()
    assert values.min() > 0 and fit.two_ports > 1


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("ports", [0, 1])
def test_half_of_the_cacti_points_are_within_15_per_cent(node, quantity, ports):
    points = cacti_points()
    own = (points["tech_nm"] == node) & (points["two_ports"] == ports)
    shape = [points[name][own] for name in ("size_bytes", "width_bytes", "banks")]
    fit = fits()[node, quantity]
    fitted = evaluate(fit, *shape) * (fit.two_ports if ports else 1)
    errors = np.abs(fitted / points[quantity][own] - 1)
    assert np.median(errors) <= 0.15
    if not ports:
        assert np.median(errors) == pytest.approx(fit.median, abs=1e-4)
        assert np.quantile(errors, 0.9) == pytest.approx(fit.p90, abs=1e-4)


@pytest.mark.parametrize("node", NODES)
def test_sizes_that_were_left_out_are_within_15_per_cent(tool, node):
    """And the shipped fit is what the tool makes of the shipped points."""
    for quantity in QUANTITIES:
        again, shipped = tool.fitted(node, quantity), fits()[node, quantity]
        assert again.held_out_median <= 0.15, quantity
        shape = [SIZES, np.full(SIZES.shape, 16.0), np.full(SIZES.shape, 4)]
        np.testing.assert_allclose(evaluate(again, *shape), evaluate(shipped, *shape), rtol=5e-3)
        np.testing.assert_allclose(again[1:], shipped[1:], atol=2e-3)


def test_left_out_sizes_are_really_left_out(tool):
    points = cacti_points()
    one = tool.subset(points, (points["tech_nm"] == 22) & (points["two_ports"] == 0))
    small = tool.subset(one, one["size_bytes"] < 1 << 20)
    assert not np.array_equal(tool.solve(one, "read"), tool.solve(small, "read"))


def test_a_shape_costs_what_the_fit_says():
    cost = CactiSram(22).cost(1 << 18, 16)
    fit = fits()[22, "read"]
    one = [np.array([float(x)]) for x in (1 << 18, 16, 1)]
    assert cost.read.value == pytest.approx(evaluate(fit, *one)[0])
    assert cost.area.unit == "um2" and 0.2e6 < cost.area.value < 0.3e6  # CACTI: 0.234 mm2
    assert cost.leakage is not None and cost.access is not None and not cost.extrapolated
    two = CactiSram(22).cost(1 << 18, 16, 1, "one read, one write")
    assert two.area.value == pytest.approx(cost.area.value * fits()[22, "area"].two_ports)


SHAPE = (1 << 18, 16)


@pytest.mark.parametrize("node", [22, 28, 45])
@pytest.mark.parametrize("quantity", ["read", "write", "area", "access"])
@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_no_range_is_below_that_of_the_table(node, quantity, factor):
    """How well CACTI meets silicon is not known, however well the fit meets CACTI."""
    found = getattr(CactiSram(node, factor).cost(*SHAPE), quantity)
    assert (found.low, found.high) == pytest.approx((found.value / factor, found.value * factor))
    assert not found.range_known and "range assumed" in found.text()


def test_the_range_is_that_of_the_fit_where_it_is_the_wider_one():
    found = CactiSram(45, 1.01).cost(*SHAPE).read
    assert found.high / found.value == pytest.approx(1 + fits()[45, "read"].p90)
    assert not found.range_known


def test_a_table_says_the_range(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nnode_nm: 45\nsram: cacti7\nassumed_range: 2.5\n")
    found = load_cost_table(path).sram().cost(*SHAPE).area
    assert found.high / found.value == found.value / found.low == pytest.approx(2.5)


@pytest.mark.parametrize("node", [22, 28, 45])
def test_leakage_of_cells_of_low_power_is_in_the_range(node):
    found = CactiSram(node).cost(*SHAPE).leakage
    assert found.low == pytest.approx(found.value / LOW_POWER)
    near = [fits()[at, "leakage"].p90 for at in ((22, 32) if node == 28 else (node,))]
    assert found.high == pytest.approx(found.value * (1 + max(near)))
    assert (found.mark, found.range_known) == ("assumed", False)
    assert LOW_POWER_STEP in found.derivation


def test_eie_is_within_the_range_of_the_leakage_of_its_memories():
    """10 MB at 45 nm draw 0.59 W in all."""
    found = CactiSram(45).cost(10 << 20, 8).leakage
    assert found.low < 590 < found.high


@pytest.mark.parametrize(
    ("shape", "far"),
    [
        ((1 << 16, 64, 1), False),
        (((1 << 16) + 1, 64, 1), True),
        ((1 << 16, 65, 1), True),
        ((1 << 16, 64, 2), True),
    ],
)
def test_two_ports_beyond_their_runs_are_assumed(shape, far):
    one, two = CactiSram(45).cost(*shape), CactiSram(45).cost(*shape, "one read, one write")
    step = "factor of two ports assumed: its runs are of one bank, up to 65,536 B and 64 B wide"
    for quantity in ("read", "write", "area", "access"):
        assert getattr(one, quantity).mark == "derived"
        found = getattr(two, quantity)
        assert (found.mark == "assumed") == far == (step in found.derivation)
        assert not two.extrapolated


def test_the_runs_with_two_ports_end_where_it_is_said():
    points = cacti_points()
    own = points["two_ports"] == 1
    axes = ("size_bytes", "width_bytes", "banks")
    assert tuple(points[name][own].max() for name in axes) == TWO_PORTS_MOST


def test_out_of_range_is_marked_and_far_out_is_refused():
    beyond = CactiSram(45).cost(24 << 20, 64, 32)
    assert beyond.extrapolated and beyond.read.mark == "assumed"
    assert "out of the range of the CACTI runs" in beyond.read.derivation
    with pytest.raises(InputError, match="size in bytes of 1,073,741,824 is too far"):
        CactiSram(45).cost(1 << 30, 64)
    with pytest.raises(InputError, match="width in bytes of 0 is too far"):
        CactiSram(45).cost(1 << 20, 0)


def test_a_node_without_runs_is_refused():
    with pytest.raises(InputError, match="unknown node 14 nm.*known: 22, 32, 45"):
        CactiSram(14)


def test_7_nm_goes_through_its_own_figures():
    sram = load_cost_table("7nm").sram()
    for size, pj in ((8 << 10, 7.5), (32 << 10, 8.5), (1 << 20, 14)):
        assert sram.cost(size, 8).read.value == pytest.approx(pj)
    local, shared = sram.cost(4 << 20, 8), sram.cost(128 << 20, 8)
    assert local.read.value / 64 == pytest.approx(0.249)
    assert local.write.value / 64 == pytest.approx(0.293)
    assert shared.read.value / 64 == pytest.approx(1.88)
    assert shared.write.value / 64 == pytest.approx(2.36)
    assert shared.area.value == pytest.approx(112e6)
    assert shared.access is None


def test_7_nm_never_falls_and_says_what_it_assumes():
    sram = load_cost_table("7nm").sram()
    costs = [sram.cost(size, 8) for size in np.geomspace(1 << 10, 1 << 28, 60)]
    for name in ("read", "write", "area"):
        assert (np.diff([getattr(cost, name).value for cost in costs]) > 0).all()
    assert [cost.extrapolated for cost in (costs[0], costs[30], costs[-1])] == [True, False, True]
    assert costs[30].read.unverified and "power law between" in costs[30].read.derivation[-2]
