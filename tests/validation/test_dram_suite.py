"""The dram suite: a tenth of the built-in rows is exact, and a wrong row is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.errors import InputError
from accelsim.validation.suites import CASES, run_suite

HEADER, *LINES = (CASES / "dram.csv").read_text().splitlines()


def cut(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_rows_are_exact(tmp_path: Path) -> None:
    outcome = run_suite("dram", cut(tmp_path, [*LINES[:4], *LINES[9::9]]))
    assert outcome.passed and outcome.max_abs_error == 0 and len(outcome.rows) == 12


def test_other_clocks_fail(tmp_path: Path) -> None:
    outcome = run_suite("dram", cut(tmp_path, [LINES[0].replace(",54100,", ",54200,")]))
    assert not outcome.passed and outcome.rows[0].error == -100


def test_other_activates_fail(tmp_path: Path) -> None:
    outcome = run_suite("dram", cut(tmp_path, [LINES[0].replace(",6385,", ",6485,")]))
    assert not outcome.passed and "activates" in outcome.rows[0].note


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("6a45ed736399f572", "0000000000000000", "fingerprint"),
        ("HBM2_8Gb_x128", "HBM9", "expected one of HBM2_8Gb_x128"),
        (",1,64,16,", ",1,32,16,", "a request of hbm2 has 64 B"),
        ("{}", "[1]", "JSON object"),
    ],
)
def test_another_stream_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_suite("dram", cut(tmp_path, [LINES[0].replace(old, new)]))
