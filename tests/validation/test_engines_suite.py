"""The engines suite: equal engines pass, and one task that differs fails the row."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.engine.run import run
from accelsim.errors import InputError
from accelsim.validation import engines
from accelsim.validation.suites import run_suite
from accelsim.validation.table import read_table
from accelsim.workload.trace import find_trace, write_trace
from tests.mapping.workloads import attention, trace


@pytest.fixture()
def cases(tmp_path: Path) -> Path:
    place = tmp_path / "few.trace"
    write_trace(place, "few", trace(attention(40)).operators)
    path = tmp_path / "cases.csv"
    path.write_text(f"workload,architecture\n{place},systolic_32\n{place},sparse_small\n")
    return path


def test_equal_engines_pass(cases: Path) -> None:
    done: list[int] = []
    outcome = run_suite("engines", cases, lambda text, at, of: done.append(at))
    assert outcome.passed and done == [1, 2]
    assert all(row.model == row.reference > 0 for row in outcome.rows)


def test_a_task_that_differs_fails_the_row(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shifted(program, engine, record):  # type: ignore[no-untyped-def]
        schedule = run(program, engine, record)
        if engine == "compiled":
            schedule.start[3] += 1
        return schedule

    monkeypatch.setattr(engines, "run", shifted)
    outcome = run_suite("engines", cases)
    assert not outcome.passed and outcome.max_abs_error == 0
    assert {row.note for row in outcome.rows} == {"1 of start differ"}


def test_the_built_in_cases_exist() -> None:
    lines = read_table(Path(engines.__file__).with_name("cases") / "engines.csv").lines
    assert lines and all(find_trace(line.text("workload")) for line in lines)


def test_a_name_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("workload,architecture\nnothing,sparse_small\n")
    with pytest.raises(InputError, match="nothing"):
        run_suite("engines", path)
