"""Every expression of a declared column, on real results, against the value that was stored."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import accelsim
from accelsim import load_trace
from accelsim.analysis.columns import GROUPS, PARTS, declared
from accelsim.analysis.formulas import (
    Place,
    Term,
    computed,
    evaluate,
    rows_of,
    stored,
    terms_of,
)
from accelsim.analysis.saved import Saved
from accelsim.arch.load import load_arch
from accelsim.simulation import compare, simulate
from accelsim.workload.operators import Vector
from accelsim.workload.trace import Trace
from tests.analysis.test_repeats import stack
from tests.analysis.test_result import MIXED
from tests.mapping.workloads import trace

CASES: dict[str, tuple[str, Trace]] = {
    "captured": ("sparse_small", load_trace("tiny_moe_lm")),
    "small": ("systolic_32", MIXED),
    "other type": ("sparse_small", replace(MIXED.replayed("int8"), name="int8")),
    "repeated": ("systolic_32", stack(64, (0, 1), (1, 6), (2, 1))),
}
TRAIN = ("dram.level=train",)


def as_saved(content: dict[str, Any]) -> Saved:
    return Saved(json.loads(json.dumps(content)))


def check(saved: Saved, part: str) -> int:
    """Compare every figure of a part that has an expression; how many there were."""
    found = 0
    for row in range(len(rows_of(saved, part))):
        for column in PARTS[part]:
            if column.expression:
                place = Place(part, column.name, row)
                value = stored(saved, place)
                assert computed(saved, place) == pytest.approx(value, rel=1e-9), place
                found += 1
    return found


@pytest.mark.parametrize("case", CASES)
def test_an_expression_gives_what_was_stored(case: str) -> None:
    machine, work = CASES[case]
    result = simulate(load_arch(machine, TRAIN if case == "captured" else ()), work)
    saved = as_saved(result.as_json())
    counted = {part: check(saved, part) for part in PARTS if not part.startswith("compared")}
    assert all(counted[p] for p in ("summary", "operators", "units", "traffic", "memory", "work"))
    if case == "captured":
        assert stored(saved, Place("summary", "train_fraction")) > 0


def test_speedups_are_those_of_the_comparison() -> None:
    work = replace(MIXED, operators=MIXED.operators[:1])
    found = compare(load_arch("systolic_32"), load_arch("sparse_small"), work)
    content = json.loads(json.dumps(found.as_json()))
    role = {"speedup": found.speedup(), "attention_speedup": found.attention_speedup()}
    saved = Saved(
        content["results"]["candidate"], "candidate", role, content["results"]["baseline"]
    )
    assert check(saved, "compared") == 2
    by_hand = found.operator_speedups()["speedup"].iloc[0]
    assert stored(saved, Place("compared_operators", "speedup", 0)) == pytest.approx(by_hand)


def test_every_row_of_the_json_is_declared() -> None:
    content = simulate(load_arch("sparse_small"), stack(16, (0, 2))).as_json()
    for part, rows in content.items():
        if part != "notes":
            for row in rows if isinstance(rows, list) else [rows]:
                names = [column.name for column in PARTS[part]]
                assert [*(["operator"] * (part == "critical_path")), *names] == list(row), part


def test_columns_are_declared_with_their_source() -> None:
    everything = list(declared())
    assert len(everything) == sum(len(columns) for _, _, columns in GROUPS)
    assert all(each.source and each.formula for each in everything)
    files = {
        file for each in everything for file in re.findall(r"accelsim/[\w/]+\.py", each.source)
    }
    assert len(files) > 10 and all(
        (Path(accelsim.__file__).parents[1] / f).is_file() for f in files
    )
    assert all("accelsim/" in each.source for each in everything)
    assert {id(columns) for _, _, columns in GROUPS} == {id(columns) for columns in PARTS.values()}
    named = {(each.group, each.name) for each in everything}
    assert len(named) == len(everything)


def test_a_part_of_nothing_is_nothing() -> None:
    adds = trace(Vector(scope="v", elements=4096, lane_operations=2, operands=2))
    saved = as_saved(simulate(load_arch("systolic_32"), adds).as_json())
    place = Place("summary", "effectual_fraction")
    assert stored(saved, place) == 0 == computed(saved, place)
    assert [term.name for term in terms_of(saved, place)] == ["effectual_slots", "issued_slots"]
    none = Term("units.x", (), Place("units", "x"))
    assert evaluate("max(units.x) + sum(units.x)", [none]) == 0
