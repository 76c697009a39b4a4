"""The command line as a whole: exit codes, help, and what it does not import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import accelsim
from accelsim.cli import main as entry
from accelsim.cli.machines import default_third
from accelsim.errors import InputError, unknown_name

COMMANDS = [
    ("run",),
    ("compare",),
    ("review",),
    ("validate",),
    ("workload", "list"),
    ("sweep",),
    ("sweep", "report"),
    ("sweep", "list"),
    ("search",),
    ("diff",),
    ("what-if",),
    ("robustness",),
    ("plot",),
    ("list",),
]
KNOWN = ["row imbalance", "rows"]
HEAVY = {"numpy", "numba", "pandas", "matplotlib", "simpy", "torch", "ruamel", "jinja2"}


def test_help_imports_nothing_heavy():
    script = (
        "import sys, accelsim\nsys.argv = ['accelsim', '--help']\n"
        "from accelsim.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "print('loaded:', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.rsplit("loaded:", 1)[1].split())
    assert not loaded & HEAVY
    assert "compare" in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example(cli, command):
    done = cli(*command, "--help")
    assert done.code == 0
    assert f"accelsim {' '.join(command)}" in done.out.split("Example:")[1]


def test_version(cli):
    done = cli("--version")
    assert (done.code, done.out.strip()) == (0, f"accelsim {accelsim.__version__}")


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("run", "--wrong"), ("run",), ("validate",), ("compare", "--baseline")],
)
def test_wrong_usage_is_exit_2(cli, arguments):
    done = cli(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--arch", "sparse_v2", "--workload", "tiny_moe_lm"), "sparse_v1"),
        (("run", "--arch", "no/such.yaml", "--workload", "tiny_moe_lm"), "no/such.yaml"),
        (("run", "--arch", "sparse_v1", "--workload", "tiny_moe_ml"), "tiny_moe_lm"),
        (("run", "--arch", "sparse_v1", "--workload", "tiny_moe_lm", "--set", "x.y=1"), "x"),
        (("run", "--arch", "sparse_v1", "--workload", "tiny_moe_lm", "--set", "clock"), "clock"),
        (("compare", "--baseline", "systolic_128", "--candidate", "a", "--workload", "b"), "'a'"),
    ],
)
def test_a_wrong_name_is_exit_3_before_anything_runs(cli, arguments, said):
    done = cli(*arguments)
    assert done.code == 3
    assert done.err.startswith("accelsim: error: ")
    assert done.err.count("\n") == 1
    assert said in done.err


_COMPARED = ("--baseline", "systolic_32", "--candidate", "sparse_small", "--workload", "none")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compare", *_COMPARED, "--quick"), "--out"),
        (("compare", *_COMPARED, "--jobs", "2"), "--out"),
        (("compare", *_COMPARED, "--json", "no/such/a.json"), "no/such/a.json"),
        (("review", "--suite", "sparse_12", "--dtype", "int8"), "--dtype"),
        (("robustness", *_COMPARED, "--only", "flips", "--texts", "a"), "--only spreads"),
        (("robustness", *_COMPARED, "--only", "spreads", "--axis", "batch"), "--only flips"),
        (("run", "--arch", "a", "--workload", "b", "--timeline-window", "1us:2us"), "--timeline"),
        (("run", "--arch", "a", "--workload", "b", "--timeline", "no/such.gz"), "no/such.gz"),
        (("run", "--arch", "a", "--workload", "b", "--tiles", "x" * 300), "too long"),
    ],
)
def test_what_has_no_effect_or_no_place_is_refused_before_anything_runs(cli, arguments, said):
    done = cli(*arguments)
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert said in done.err


def test_a_name_in_another_case_is_the_nearest():
    assert "did you mean 'row imbalance'?" in str(unknown_name("x", "ROW IMBALANCE", KNOWN))
    assert "(known: none)" in str(unknown_name("action", "register", ()))


def test_the_third_machine_defaults_to_the_shipped_gather_twin():
    assert default_third("systolic_128", "sparse_v1") == "systolic_128_gather"
    assert default_third("systolic_128", "systolic_128_gather") is None
    assert default_third("sparse_v1", "systolic_128") is None


def failing(error: BaseException):
    def app() -> None:
        raise error

    return app


def test_bad_input_is_one_line_and_exit_3(cli, monkeypatch):
    monkeypatch.setattr(entry, "app", failing(InputError("is odd", where="a.csv", remedy="mend")))
    done = cli()
    assert done.code == 3
    assert done.err == "accelsim: error: a.csv: is odd (mend)\n"


def test_interruption_is_exit_130_and_silent(cli, monkeypatch):
    monkeypatch.setattr(entry, "app", failing(KeyboardInterrupt()))
    done = cli()
    assert (done.code, done.out, done.err) == (130, "", "")


def test_a_fault_of_ours_is_one_line_unless_asked(cli, monkeypatch):
    monkeypatch.delenv(entry.TRACEBACK, raising=False)
    monkeypatch.setattr(entry, "app", failing(RuntimeError("two\nlines")))
    done = cli()
    assert done.code == 1
    assert "RuntimeError: two lines" in done.err
    assert done.err.count("\n") == 1
    monkeypatch.setenv(entry.TRACEBACK, "1")
    with pytest.raises(RuntimeError):
        cli()


def test_a_reader_that_leaves_early_meets_no_traceback():
    command = f"{sys.executable} -c 'from accelsim.cli.main import main; main()' --help"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_the_package_lists_its_names_without_loading_them():
    assert set(accelsim.__all__) <= set(dir(accelsim))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = accelsim.no_such_name
