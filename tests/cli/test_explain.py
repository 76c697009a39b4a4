"""`accelsim explain` and what `run` and `compare` write for it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accelsim.analysis.saved import read_saved
from accelsim.cli.explain import asked_next
from accelsim.cli.ran import command
from accelsim.workload.operators import Matmul
from accelsim.workload.trace import write_trace
from tests.mapping.workloads import attention

SETTING = "dram.bandwidth=20 GB/s"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workload of two operators that costs nothing to run."""
    operators = [attention(64, heads=2, kv_heads=2), Matmul(scope="out", m=64, n=64, k=64)]
    path = tmp_path / "small.trace"
    write_trace(path, "small", operators)
    return path


@pytest.fixture
def run_json(cli, work, tmp_path):  # type: ignore[no-untyped-def]
    file = tmp_path / "run.json"
    done = cli(
        "run", "--arch", "sparse_small", "--workload", work, "--set", SETTING, "--dtype", "int8",
        "--json", file,
    )  # fmt: skip
    assert done.code == 0
    return file


@pytest.fixture
def compared_json(cli, work, tmp_path):  # type: ignore[no-untyped-def]
    file = tmp_path / "compared.json"
    done = cli(
        "compare", "--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", work,
        "--set", SETTING, "--json", file,
    )  # fmt: skip
    assert done.code == 0
    return file


def test_why_a_run_takes_its_time(cli, run_json) -> None:  # type: ignore[no-untyped-def]
    done = cli("explain", run_json)
    assert done.code == 0 and not done.err
    for said in ("small on sparse_small", "critical path", "% of peak", "over-fetch", "effectual"):
        assert said in done.out
    total = next(line for line in done.out.splitlines() if line.startswith("total  "))
    assert total.endswith("100.0 %")
    ran = json.loads(run_json.read_text())["ran"]
    assert f"what would help: {command(ran, 'what-if')}" in done.out
    assert shlex.split(ran["command"])[2:] == [
        "--arch", "sparse_small", "--workload", ran["workload"],
        "--dtype", "int8", "--set", SETTING,
    ]  # fmt: skip


def test_a_figure_a_word_and_an_unknown_name(cli, run_json) -> None:  # type: ignore[no-untyped-def]
    done = cli("explain", run_json, "overall_utilization")
    assert "= effectual_slots / (array_macs * total_cycles)" in done.out
    assert "from architecture: accelsim/arch/spec.py" in done.out
    assert "waiting for DRAM" in cli("explain", run_json, "array:stall:memory").out
    assert "servers x total" in cli("explain", run_json, "array:stall:memory").out
    assert "1,024 * 2" not in done.out and "1,024 * 1" in done.out
    assert "deeper FIFOs" in cli("explain", run_json, "row imbalance").out
    of_option = cli("explain", run_json, "utilization", "--operator", "out")
    assert "out:utilization = " in of_option.out
    assert "no METRIC" in cli("explain", run_json, "--operator", "out").err
    done = cli("explain", run_json, "dram_utilisation")
    assert done.code == 3 and "did you mean 'dram_utilization'" in done.err


def test_every_machine_of_a_comparison(cli, compared_json) -> None:  # type: ignore[no-untyped-def]
    results = json.loads(compared_json.read_text())["results"]
    for role, result in results.items():
        done = cli("explain", compared_json, "--role", role)
        assert f"small on {result['summary']['architecture']}: " in done.out
        assert ("over the baseline" in done.out) == (role != "baseline")
    assert "= baseline.total_ps / total_ps" in cli("explain", compared_json, "speedup").out
    done = cli("explain", compared_json, "--role", "winner")
    assert done.code == 3 and "unknown role 'winner'" in done.err


def test_how_sure_a_speedup_is_can_be_asked_where_there_is_a_command(compared_json) -> None:  # type: ignore[no-untyped-def]
    def said(role: str, *commands: str) -> list[tuple[str, str]]:
        root = SimpleNamespace(command=SimpleNamespace(commands=dict.fromkeys(commands)))
        ctx: Any = SimpleNamespace(find_root=lambda: root)
        return asked_next(ctx, read_saved(compared_json, role))

    (_, helps), (_, sure) = said("candidate", "what-if", "robustness")
    assert helps.startswith("accelsim what-if --arch sparse_small ")
    words = shlex.split(sure)
    assert words[:4] == ["accelsim", "robustness", "--candidate", "sparse_small"]
    assert words[-2:] == ["--baseline", "systolic_32"] and SETTING in words
    assert len(said("candidate", "what-if")) == len(said("third", "robustness")) == 1


def test_what_would_help_is_simulated_again(cli, run_json, compared_json) -> None:  # type: ignore[no-untyped-def]
    total = json.loads(run_json.read_text())["summary"]["total_ps"]
    done = cli("explain", run_json, "--what-if")
    assert done.code == 0 and "note:" not in done.out and f"{total / 1e6:.2f}"[:3] in done.out
    gains = [float(line.split("x ")[-2].split()[-1]) for line in table_rows(done.out)]
    assert gains == sorted(gains, reverse=True) and gains[0] > 1
    dense = cli("explain", compared_json, "--what-if", "--role", "candidate_dense")
    assert dense.code == 0 and "note:" not in dense.out


def table_rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if "x " in line and line.rstrip().endswith("s")][1:]


def test_what_is_gone_or_changed_is_not_run_again(cli, run_json, work, tmp_path) -> None:  # type: ignore[no-untyped-def]
    content = json.loads(run_json.read_text())
    changes = (
        ({"arch": "none_such"}, "unknown architecture 'none_such'"),
        ({"arch": "systolic_32"}, "arch 'systolic_32' is another one than was run"),
        ({"workload_hash": "0"}, "is another one than was run"),
        ({"workload": "none_such"}, "none_such"),
    )
    file = tmp_path / "changed.json"
    for change, said in changes:
        file.write_text(json.dumps(content | {"ran": content["ran"] | change}))
        done = cli("explain", file, "--what-if")
        assert done.code == 3 and said in done.err and done.err.count("\n") == 1
    del content["ran"]
    file.write_text(json.dumps(content))
    assert "does not say what was run" in cli("explain", file, "--what-if").err
    assert cli("explain", file).code == 0
    content["summary"]["total_ps"] += 1
    file.write_text(json.dumps(content | {"ran": json.loads(run_json.read_text())["ran"]}))
    assert "note: " in cli("explain", file, "--what-if").out
    del content["machine"]
    file.write_text(json.dumps(content))
    done = cli("explain", file)
    assert done.code == 3 and "of an older version" in done.err
    assert cli("diff", file, run_json).code == 0


def test_differences_between_machines_of_comparisons(cli, run_json, compared_json) -> None:  # type: ignore[no-untyped-def]
    done = cli("diff", compared_json, run_json, "--role", "baseline")
    assert done.code == 0 and "architecture: systolic_32 -> sparse_small" in done.out
    done = cli("diff", run_json, run_json, "--role", "baseline")
    assert done.code == 3 and "--role is for" in done.err
    assert "holds one run" in cli("explain", run_json, "--role", "baseline").err


@pytest.mark.parametrize(
    ("part", "column", "said"),
    [
        ("operators", "scope", "operators has no 'scope'"),
        ("units", "busy_ps", "units has no 'busy_ps'"),
        ("ran", "arch_hash", "what was run"),
    ],
)
def test_a_file_of_an_older_version_says_so(cli, run_json, part, column, said) -> None:  # type: ignore[no-untyped-def]
    content = json.loads(run_json.read_text())
    for row in content[part] if isinstance(content[part], list) else [content[part]]:
        del row[column]
    run_json.write_text(json.dumps(content))
    done = cli("explain", run_json)
    assert done.code == 3 and said in done.err and "older version" in done.err


@pytest.mark.parametrize("text", ["null", "[]", '{"results": {"candidate": {}}}', "{"])
def test_what_is_no_result_is_one_line(cli, tmp_path, text) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "odd.json"
    file.write_text(text)
    for arguments in (("explain", file), ("explain", file, "speedup"), ("diff", file, file)):
        done = cli(*arguments)
        assert done.code == 3 and done.err.count("\n") == 1


def test_names_are_printed_as_they_are(cli, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path, file = tmp_path / "odd.trace", tmp_path / "[odd].json"
    write_trace(path, "[red]x [/]", [Matmul(scope="[red]: y [/]", m=64, n=64, k=64)])
    assert cli("run", "--arch", "sparse_small", "--workload", path, "--json", file).code == 0
    done = cli("diff", file, file)
    assert done.code == 0 and "[odd].json" in done.out and "[red]: y [/]" in done.out
    assert "[red]: y [/]:limited_by" in cli("explain", file, "[red]: y [/]:limited_by").out
    assert "[red]x [/]" in cli("what-if", "--arch", "sparse_small", "--workload", path).out
