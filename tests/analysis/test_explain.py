"""One figure or word explained: by hand, for every name that there is, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from accelsim.analysis.breakdown import PARTS as PARTS_OF_PATH
from accelsim.analysis.columns import PARTS, STATES
from accelsim.analysis.explain import DEPTH, Explanation, explain
from accelsim.analysis.meanings import LARGE_PART, LIMIT_MEANINGS, LIMITS, MEANINGS, STATE_MEANINGS
from accelsim.analysis.result import _limit
from accelsim.analysis.saved import Saved
from accelsim.arch.load import load_arch
from accelsim.errors import InputError
from accelsim.simulation import compare
from tests.analysis.test_result import MIXED


@pytest.fixture(scope="module")
def saved() -> Saved:
    """The sparse machine, compared with the systolic one."""
    found = compare(load_arch("systolic_32"), load_arch("sparse_small"), MIXED)
    content = json.loads(json.dumps(found.as_json()))
    compared = {"speedup": found.speedup(), "attention_speedup": found.attention_speedup()}
    results = content["results"]
    return Saved(results["candidate"], "candidate", compared, results["baseline"])


def nodes(found: Explanation, depth: int = 0) -> Iterator[tuple[int, Explanation]]:
    yield depth, found
    for each in found.inputs:
        yield from nodes(each, depth + 1)


def test_numbers_stand_in_the_formula(saved: Saved) -> None:
    found = explain(saved, "overall_utilization")
    slots, macs, cycles = found.inputs
    assert [each.name for each in found.inputs] == [
        "effectual_slots", "array_macs", "total_cycles",
    ]  # fmt: skip
    assert found.value == pytest.approx(slots.value / (macs.value * cycles.value))
    assert found.filled == f"{int(slots.value):,} / (1,024 * {cycles.value:,.0f})"
    assert found.column is not None and found.column.expression
    period = cycles.inputs[1]
    assert (period.name, period.value) == ("clock_ps", 1000)
    assert period.column is not None and "arch/spec.py" in period.column.source


def test_sums_over_tables_name_their_largest_rows(saved: Saved) -> None:
    (rows,) = explain(saved, "total_ps").inputs
    times = {row["scope"]: row["time_ps"] for row in saved.result["operators"]}
    assert rows.name == "operators.time_ps" and sum(rows.value) == sum(times.values())
    assert rows.largest == tuple(sorted(times.items(), key=lambda item: -item[1]))
    assert explain(saved, "total_ps").filled == f"{sum(times.values()):,}"
    (path,) = explain(saved, "attention:time_ps").inputs
    assert sum(path.value) == times["attention"] and path.largest[0][0] in ("array", "load")


def test_operators_are_named_by_scope_number_or_option(saved: Saved) -> None:
    found = explain(saved, "attention:utilization")
    assert found.value == saved.result["operators"][0]["utilization"]
    assert explain(saved, "0:utilization").value == found.value
    assert explain(saved, "utilization", "attention").value == found.value
    assert explain(saved, "attention:peak_macs_per_cycle").value == 1024
    path = next(r for r in saved.result["critical_path"] if r["operator"] == 0)
    assert explain(saved, f"attention:{path['unit']}:time_ps").value == path["time_ps"]
    traffic = saved.result["traffic"][0]
    name = f"{traffic['scope']}:{traffic['cause']}:over_fetch_bytes"
    assert explain(saved, name).value == traffic["over_fetch_bytes"]


def test_operators_of_one_scope_are_told_apart_by_number(saved: Saved) -> None:
    operators = [dict(row, scope="same") for row in saved.result["operators"]]
    twins = replace_result(saved, operators=operators)
    with pytest.raises(InputError, match=r"3 operators are called 'same' .*0:time_ps, 1:time_ps"):
        explain(twins, "same:time_ps")
    assert explain(twins, "1:time_ps").value == operators[1]["time_ps"]


def replace_result(saved: Saved, **parts: object) -> Saved:
    return saved._replace(result=saved.result | parts)


def test_states_and_their_part_of_the_time(saved: Saved) -> None:
    array = next(row for row in saved.result["units"] if row["unit"] == "array")
    parts = []
    for state in STATES:
        found = explain(saved, f"array:{state}")
        assert found.value == array[f"{state}_ps"] and found.meaning == STATE_MEANINGS[state]
        parts.append(found.part)
    assert sum(parts) == pytest.approx(1)  # type: ignore[arg-type]


def test_speedups_set_both_totals_side_by_side(saved: Saved) -> None:
    found = explain(saved, "speedup")
    assert saved.baseline is not None
    totals = [saved.baseline["summary"]["total_ps"], saved.result["summary"]["total_ps"]]
    assert [each.value for each in found.inputs] == totals
    assert found.value == pytest.approx(totals[0] / totals[1])
    assert explain(saved, "0:speedup").inputs[0].value == saved.baseline["operators"][0]["time_ps"]
    with pytest.raises(InputError, match="compared with a baseline"):
        explain(Saved(saved.result), "speedup")


def test_every_figure_can_be_explained(saved: Saved) -> None:
    names = [c.name for part in ("summary", "machine", "counts") for c in PARTS[part]]
    names += [f"attention:{c.name}" for part in ("operators", "work") for c in PARTS[part]]
    names += [f"load:{c.name}" for part in ("units", "memory") for c in PARTS[part]]
    for name in names:
        for depth, each in nodes(explain(saved, name)):
            assert depth <= DEPTH and each.column is not None and each.column.source
            assert each.value is not None and bool(each.filled) == bool(each.inputs)


def test_every_word_of_a_result_has_a_meaning(saved: Saved) -> None:
    assert set(STATE_MEANINGS) == set(STATES)
    parts = (0.0, LARGE_PART / 2, 0.5, 0.9)
    said = {_limit(u, a, b, c) for u in LIMITS for a in parts for b in parts for c in parts}
    assert said | {"hidden behind others"} == set(LIMIT_MEANINGS)
    assert set(PARTS_OF_PATH) <= set(MEANINGS)
    for word, meaning in MEANINGS.items():
        assert explain(saved, word).meaning == meaning and all(meaning)
    limit = explain(saved, "attention:limited_by")
    assert limit.meaning == MEANINGS[limit.value] and limit.largest


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("overal_utilization", "did you mean 'overall_utilization'"),
        ("row inbalance", "did you mean 'row imbalance'"),
        ("utilization", "is of every operator .*OPERATOR:utilization, such as attention:"),
        ("occupancy", "is of every unit .*UNIT:occupancy"),
        ("array", "no metric alone .*occupancy.*stall:memory"),
        ("arrai:occupancy", "unknown operator or unit 'arrai' .*did you mean 'array'"),
        ("array:stall:memori", "array: .*did you mean 'stall:memory'"),
        ("attention:utilisation", "attention: .*did you mean 'utilization'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(saved: Saved, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        explain(saved, name)


def test_an_operator_with_colons_in_its_scope_is_found(saved: Saved) -> None:
    first, *others = saved.result["operators"]
    renamed = replace_result(saved, operators=[first | {"scope": "aten::mm:1"}, *others])
    assert explain(renamed, "aten::mm:1:time_ps").value == first["time_ps"]
