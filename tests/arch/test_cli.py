from typer.testing import CliRunner

from accelsim.arch.load import load_arch, shipped_names
from accelsim.cli.arch import app

RUN = CliRunner()


def test_list_names_every_shipped_architecture():
    done = RUN.invoke(app, ["list"], env={"COLUMNS": "140"})
    assert done.exit_code == 0
    for name in shipped_names():
        assert name in done.stdout


def test_show_is_a_file_that_loads_back(tmp_path):
    done = RUN.invoke(app, ["show", "sparse_v1", "--set", "dram.bandwidth=450 GB/s"])
    assert done.exit_code == 0
    assert "not modelled" in done.stdout and "# note: array: the buses carry" in done.stdout
    (tmp_path / "shown.yaml").write_text(done.stdout)
    shown = load_arch(tmp_path / "shown.yaml")
    assert shown == load_arch("sparse_v1", ["dram.bandwidth=450 GB/s"])


def test_help_has_an_example():
    assert "accelsim arch show" in RUN.invoke(app, ["show", "--help"]).stdout.replace("\n", " ")
