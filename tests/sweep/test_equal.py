"""Machines scaled to the same MACs or area."""

from __future__ import annotations

import pickle

import pytest

from accelsim.arch.load import arch_source, published_names, shipped_names
from accelsim.arch.spec import Arch
from accelsim.cost.load import DEFAULT_TABLE, load_cost_table
from accelsim.errors import InputError
from accelsim.sweep.equal import equal_machines
from accelsim.sweep.equalised import TOLERANCE, Measure, choices, equalised
from accelsim.sweep.measures import MEASURES, Terms, area_measure, main_type, measure_of
from accelsim.workload.operators import Matmul
from tests.sweep.rivals import machines, stored, with_weights

EVERY = [*shipped_names(), *published_names()]


def area_mm2(arch: Arch) -> float:
    """1,000 um2 a MAC, 0.3 um2 a bit, and units that do not scale."""
    return 1e-3 * arch.array.macs + 0.3e-6 * 8 * arch.on_chip + 2e-3 * arch.vector.lanes


AREA = Measure("area", "mm2", "", area_mm2)
MACS = Measure("macs", "MAC/cycle", "", lambda arch: arch.peak_macs_per_cycle("bf16"))
BYTES = Measure("bytes", "B", "", lambda arch: arch.on_chip)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("times", [0.93, 3.3])
def test_every_machine_meets_an_area(name, times):
    source = arch_source(name)
    target = times * area_mm2(source.arch())
    found = equalised(source, target, AREA)
    assert found.after == area_mm2(found.source.arch())
    assert abs(found.after / target - 1) <= TOLERANCE
    assert found.before == area_mm2(source.arch())
    assert found.bytes_factor / found.factor == pytest.approx(1, rel=1)


@pytest.mark.parametrize("name", EVERY)
def test_what_is_equal_already_stays_as_it_is(name):
    source = arch_source(name)
    found = equalised(source, area_mm2(source.arch()), AREA)
    assert (found.source, found.factor, found.bytes_factor, found.settings) == (source, 1, 1, ())
    assert f"{source.arch().name} as it is: " in found.text


def test_whole_rows_come_first_and_bytes_make_up_the_rest():
    found = equalised(arch_source("systolic_128"), 80.35, AREA)
    arch = found.source.arch()
    assert [shape.rows for shape in arch.array.shapes] == [132, 66]
    assert arch.on_chip % 1024 == 0 and found.bytes_factor != found.factor
    assert abs(found.after / 80.35 - 1) < 2e-4
    assert found.text == (
        "systolic_128: 128 -> 132 rows, 24 -> 24.81 MiB: 80.36 mm2 against 80.35 mm2"
    )
    assert arch.name == "systolic_128 at equal area" and found.text in arch.description


def test_the_settings_say_the_same_machine_as_overrides():
    source = arch_source("spatten")
    found = equalised(source, 3 * area_mm2(source.arch()), AREA)
    assert source.changed(found.overrides).arch() == found.source.arch()


def test_a_search_gives_the_same_twice():
    first, again = (equalised(arch_source("sparse_v1"), 100.0, AREA) for _ in range(2))
    assert (first.settings, first.after, first.text) == (again.settings, again.after, again.text)


def test_equal_macs_are_exact_and_bytes_in_proportion():
    found = equalised(arch_source("systolic_32"), 1536, MACS)
    assert (found.after, found.factor, found.bytes_factor) == (1536, 1.5, 1.5)


@pytest.mark.parametrize(
    ("name", "measure", "target", "said"),
    [
        ("systolic_32", MACS, 1055, "whole rows are too coarse"),
        ("highlight", MACS, 1331, "whole PEs are too coarse"),
        ("systolic_32", MACS, 100 * 1024, "more than x64 is not tried"),
        ("systolic_128", MACS, 100, "more than x64 is not tried"),
        ("sparch", MACS, 8, "its array cannot be smaller"),
        ("systolic_32", AREA, 0.25, "the rest stays"),
        ("eyeriss_v2", AREA, 0.4, "a smaller one is refused: prefetch + activation_storage"),
    ],
)
def test_what_cannot_be_met_says_what_came_closest(name, measure, target, said):
    with pytest.raises(InputError) as fault:
        equalised(arch_source(name), target, measure)
    text = str(fault.value)
    assert text.startswith(f"{name} at equal {measure.name}: cannot have {measure.shown(target)}")
    assert said in text and "the closest is" in text and "\n" not in text


def test_both_rivals_are_scaled_to_the_candidate():
    trio = machines()
    trio["candidate"] = trio["candidate"].changed(["array.rows=20", "array.fifo_storage=20 KiB"])
    found = equal_machines(trio, AREA)
    assert (found.like, list(found.scaled)) == ("candidate", ["baseline", "third"])
    assert found.target == area_mm2(trio["candidate"].arch())
    assert found.machines["candidate"] is trio["candidate"]
    for role in ("baseline", "third"):
        after = area_mm2(found.machines[role].arch())
        assert abs(after / found.target - 1) <= TOLERANCE
    said = found.said.as_json()
    assert (said["measure"], said["unit"], said["like"]) == ("area", "mm2", "candidate")
    assert said["machines"]["baseline"]["text"] == found.scaled["baseline"].text


def rows_of(source) -> int:
    return source.arch().array.shapes[0].rows


def columns_of(source) -> int:
    return source.arch().array.shapes[0].columns


def test_a_systolic_rival_takes_the_faster_of_rows_and_columns():
    trio = machines()
    trio["candidate"] = trio["candidate"].changed(["array.rows=24", "array.fifo_storage=24 KiB"])
    by_rows = equal_machines(trio, MACS)
    assert [(one.way, one.other) for one in by_rows.scaled.values()] == [("rows", "")] * 2
    for fastest, way, other in (
        (columns_of, "rows", "48 columns: 1.50x slower"),
        (rows_of, "columns", "48 rows: 1.50x slower"),
        (lambda source: 7, "rows", "48 columns: as fast"),
    ):
        found = equal_machines(trio, MACS, fastest=fastest).scaled["baseline"]
        assert (found.way, found.other, found.after) == (way, other, 1536)
        assert found.other_ratio == (1.0 if other.endswith("as fast") else 1.5)
        assert found.text.startswith(f"systolic_32: 32 -> 48 {way} ({other}), 0.375 -> 0.5625 MiB")
        shape = found.source.arch().array.shapes[0]
        assert (shape.rows, shape.columns) == ((48, 32) if way == "rows" else (32, 48))


def test_the_whole_rows_on_either_side_of_a_target_are_both_tried():
    source = arch_source("systolic_128")
    near, far = choices(source, 80.35, AREA)
    assert near == equalised(source, 80.35, AREA)
    assert (near.size, far.size) == ("132 rows", "134 rows")
    larger = arch_source("sparse_v1").changed(["array.rows=136", "array.fifo_storage=272 KiB"])
    two, seen = {"baseline": source, "candidate": larger}, []

    def fastest(source) -> int:
        arch = source.arch()
        shape = arch.array.shapes[0]
        seen.append((shape.rows, shape.columns, arch.on_chip > 24.2 * 2**20))
        return -max(shape.rows, shape.columns)

    found = equal_machines(two, AREA, fastest=fastest).scaled["baseline"]
    tried = {more: {(r, c) for r, c, with_bytes in seen if with_bytes == more} for more in (0, 1)}
    assert tried[1] == {(128, 128), (128, 130), (130, 128)}  # 128 with more bytes alone
    assert tried[0] == {(134, 128), (136, 128), (128, 134), (128, 136)}
    assert (found.size, found.bytes_follow) == ("136 rows", False)


@pytest.mark.parametrize("target", [80.35, 80.6, 90.1])
def test_a_machine_that_keeps_its_bytes_loses_none(target):
    source = arch_source("systolic_128")
    found = equalised(source, target, AREA, bytes_follow=False)
    assert found.source.arch().on_chip >= source.arch().on_chip
    assert abs(found.after / target - 1) <= TOLERANCE


def test_a_way_that_cannot_be_met_or_run_is_said_beside_the_other():
    trio = machines("array.shapes=[{count: 1, rows: 32, columns: 32}]")
    trio["candidate"] = machines()["candidate"].changed(["array.rows=17"])
    trio["candidate"] = trio["candidate"].changed(["array.fifo_storage=17 KiB"])

    def fastest(source) -> int:
        if rows_of(source) != 32:
            raise InputError("too many rows")
        return 1

    found = equal_machines(trio, MACS, fastest=fastest).scaled["baseline"]
    assert (found.way, found.size, found.other) == ("columns", "34 columns", "rows: too many rows")
    with pytest.raises(InputError, match="no rows at all"):
        equal_machines(trio, MACS, fastest=refuse)


def refuse(source) -> int:
    raise InputError("no rows at all")


def test_a_scaled_candidate_takes_what_the_baseline_has():
    trio = machines()
    trio["baseline"] = trio["baseline"].changed(["on_chip=512 KiB"])
    found = equal_machines(trio, BYTES, ["candidate"])
    assert (found.like, list(found.scaled)) == ("baseline", ["candidate"])
    assert found.machines["third"] is trio["third"]
    assert found.scaled["candidate"].after == pytest.approx(512 * 1024, rel=TOLERANCE)


def test_roles_that_cannot_be_scaled_are_refused():
    two = {role: source for role, source in machines().items() if role != "third"}
    with pytest.raises(InputError, match="unknown machine to scale 'third'"):
        equal_machines(two, AREA, ["third"])
    with pytest.raises(InputError, match="cannot both be scaled"):
        equal_machines(two, AREA, ["baseline", "candidate"])


def test_peak_macs_are_of_the_type_that_most_macs_have():
    trace = with_weights(stored())
    small = Matmul(scope="a", m=8, n=8, k=8, dtype="int8")
    mixed = trace.__class__(operators=(small, *trace.operators), name="mixed", seq_len=128)
    assert (main_type(trace), main_type(mixed)) == ("bf16", "bf16")
    peak = measure_of("macs", trace.replayed("int8"), DEFAULT_TABLE)
    assert peak.of(arch_source("systolic_32").arch()) == 2.048


def test_terms_say_themselves_as_options():
    assert Terms("area").options == ["--equal", "area"]
    assert Terms("area", ("third",)).options == ["--equal", "area", "--scale", "third"]


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_of_the_cost_table_is_met(name):
    trace = with_weights(stored())
    found = Terms(name).machines(machines(), trace)
    assert (found.measure.name, found.measure.table) == (name, "45nm" * (name != "macs"))
    for role in ("baseline", "third"):
        how, after = found.scaled[role], found.measure.of(found.machines[role].arch())
        assert how.after == after
        assert abs(after / found.target - 1) <= TOLERANCE
        assert (how.factor > 1) == (name != "macs")  # sparse logic takes area, power and dollars
    again = pickle.loads(pickle.dumps(found.measure))  # as processes of a report get it
    assert again.of(found.machines["baseline"].arch()) == found.scaled["baseline"].after


@pytest.mark.parametrize("times", [0.7, 1.5])
@pytest.mark.parametrize("name", ["systolic_128", "sparse_v1", "sanger", "sigma", "tpu_v1"])
def test_areas_of_the_cost_table_are_met_by_every_kind_of_array(name, times):
    area = area_measure(load_cost_table(DEFAULT_TABLE))
    source = arch_source(name)
    target = times * area.of(source.arch())
    found = equalised(source, target, area)
    assert abs(area.of(found.source.arch()) / target - 1) <= TOLERANCE
    assert found.text.endswith(f"against {area.shown(target)} by 45nm")
