"""`--costs`: area and energy of commands, and tables that cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from accelsim.arch.load import content_hash, load_arch
from accelsim.cost.load import (
    DEFAULT_TABLE,
    cost_table_folder,
    cost_table_names,
    load_cost_table,
)
from accelsim.workload.operators import Matmul
from accelsim.workload.trace import write_trace
from tests.mapping.workloads import attention

LACKING = """
name: mine
node_nm: 45
sram: cacti7
actions:
  register:
    bits: 1
    energy: {value: 0.01 pJ, checked: confirmed, source: our library}
"""
NEGATIVE = """
name: mine
extends: 45nm
actions:
  register:
    bits: 1
    energy: {value: -0.01 pJ, checked: confirmed, source: our library}
"""

# The shipped table without its counter, under a name of its own.
WITHOUT = re.sub(
    r"^  counter:\n(    .*\n)+", "", (cost_table_folder() / "45nm.yaml").read_text(), flags=re.M
).replace("name: 45nm\n", "name: mine\n")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workload of two operators that costs nothing to run."""
    operators = [attention(64, heads=2, kv_heads=2), Matmul(scope="out", m=64, n=64, k=64)]
    path = tmp_path / "small.trace"
    write_trace(path, "small", operators)
    return path


def run(cli, work, *more):  # type: ignore[no-untyped-def]
    return cli("run", "--arch", "sparse_small", "--workload", work, *more)


def test_the_default_is_a_shipped_table() -> None:
    assert DEFAULT_TABLE in cost_table_names()


def test_a_run_prints_and_writes_area_and_energy(cli, work, tmp_path) -> None:  # type: ignore[no-untyped-def]
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    done = run(cli, work, "--json", files[0])
    assert done.code == 0 and "energy by 45nm: " in done.out
    done = run(cli, work, "--json", files[1], "--costs", "7nm")
    name = load_cost_table("7nm").name
    assert done.code == 0 and f"energy by {name}: " in done.out
    first, second = (json.loads(file.read_text()) for file in files)
    assert first["energy"]["table"] == "45nm" and second["energy"]["table"] == name
    assert first["summary"] == second["summary"]
    total = sum(row["area_mm2"] for row in first["area"])
    assert first["energy"]["summary"]["area_mm2"] == pytest.approx(total)
    done = cli("explain", files[0], "energy_pj")
    assert "% DRAM: devices, bit read: " in done.out and "DRAMsim3" in done.out
    done = cli("diff", *files)
    assert "energy of the hardware" in done.out
    assert f"cost_table: 45nm -> {name}" in done.out


def test_a_comparison_prints_and_writes_ratios(cli, work, tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "compared.json"
    done = cli(
        "compare", "--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", work,
        "--json", file,
    )  # fmt: skip
    assert done.code == 0 and "over the ranges of 45nm" in done.out
    content = json.loads(file.read_text())
    assert content["costs"]["table"] == "45nm"
    spent = {
        role: result["energy"]["summary"]["energy_pj"]
        for role, result in content["results"].items()
    }
    for role, ratio in content["costs"]["energy_ratio"].items():
        assert ratio["value"] == pytest.approx(spent["baseline"] / spent[role])
        assert ratio["low"] <= ratio["value"] <= ratio["high"] and ratio["decided_by"]
    done = cli("explain", file, "energy_ratio")
    assert done.code == 0 and "= baseline.energy_pj / energy_pj" in done.out


@pytest.mark.parametrize("name", ["sparse_small", "systolic_32", "gamma"])
def test_arch_show_has_areas_and_still_loads(cli, tmp_path, name) -> None:  # type: ignore[no-untyped-def]
    done = cli("arch", "show", name)
    assert done.code == 0 and "# area and power by the cost table 45nm" in done.out
    assert "# chip " in done.out and "# for sparsity alone: " in done.out
    assert "# not modelled, area and energy: " in done.out
    path = tmp_path / "shown.yaml"
    path.write_text(done.out)
    assert content_hash(load_arch(str(path))) == content_hash(load_arch(name))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, ["unknown cost table '45mn'", "did you mean '45nm'", "7nm"]),
        (LACKING, ["to price {name}", "cost table mine ({path})", "'register' has no area",
                   "a table that extends this one"]),
        (WITHOUT, ["to price {name}", "cost table mine ({path})", "unknown action 'counter'",
                   "extend a table that has it"]),
        (NEGATIVE, ["{path} line 7", "actions.register.energy", "'-0.01 pJ' is negative"]),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_one_line(cli, work, tmp_path, text, said) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "mine.yaml"
    path.write_text(text or "")
    table = path if text else "45mn"
    compared = "--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", work
    commands = (
        ("run", "--arch", "sparse_small", "--workload", work),
        ("arch", "show", "sparse_small"),
        ("compare", *compared),
    )
    for words in commands:
        done = cli(*words, "--costs", table)
        name = "systolic_32" if words[0] == "compare" else "sparse_small"
        assert done.code == 3 and done.err.count("\n") == 1 and not done.out
        for part in said:
            assert part.format(path=path, name=name) in done.err


def test_what_the_default_table_cannot_price_is_simulated_all_the_same(
    cli, work, tmp_path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    path, file = tmp_path / "mine.yaml", tmp_path / "run.json"
    path.write_text(LACKING)
    monkeypatch.setattr("accelsim.cost.load.DEFAULT_TABLE", str(path))
    done = run(cli, work, "--json", file)
    assert done.code == 0 and "no area and energy: to price sparse_small, " in done.out
    content = json.loads(file.read_text())
    assert content["energy"] is content["area"] is None
    assert cli("explain", file, "total_ps").code == 0
    assert cli("diff", file, file).code == 0
    shown = cli("arch", "show", "gamma")
    assert "# no area and power: to price gamma" in shown.out
    compared = tmp_path / "compared.json"
    done = cli(
        "compare", "--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", work,
        "--json", compared,
    )  # fmt: skip
    assert done.code == 0 and "no area and energy: to price systolic_32, " in done.out
    assert json.loads(compared.read_text())["costs"] is None


def test_metrics_of_energy_are_listed(cli) -> None:  # type: ignore[no-untyped-def]
    assert "tops_per_w" in cli("list", "metrics").out
