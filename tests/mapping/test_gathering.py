"""Gathers through the duplicate window and the cache, and what the tiles of a run add up to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim.analysis.result import Result
from accelsim.analysis.tiles import TILE_COLUMNS, tile_table
from accelsim.arch.load import load_arch
from accelsim.cli.main import app
from accelsim.errors import InputError
from accelsim.mapping.gathering import Gatherer
from accelsim.report.plots import bandwidth, bank_conflicts
from accelsim.simulation import simulate
from accelsim.workload.operators import Gather, ScatterAdd
from tests.mapping.invariants import traffic_is_conserved
from tests.mapping.workloads import trace

RNG = np.random.default_rng(11)
POPULAR = (RNG.zipf(1.3, size=6000) % 4096).astype(np.int32)
LOOKUP = Gather(scope="g", table_rows=4096, row_elements=128, indices=POPULAR)
UPDATE = ScatterAdd(scope="s", table_rows=4096, row_elements=128, indices=POPULAR)
CACHE = "load.cache={size: 64 KiB, ways: 16, policy: %s}"
SMALL = ("mapping.activation_storage=0 B",)


def test_the_picture_of_memory_shows_every_byte_once() -> None:
    result = looked_up()
    data = bandwidth.prepare({"": result})
    nanoseconds = np.diff(data.edges_ps) / 1000
    (machine,) = data.machines
    moved = sum(float((rate * nanoseconds).sum()) for rate in machine.bandwidth.values())
    assert moved == pytest.approx(result.summary["dram_bytes"], rel=1e-6)
    waits = bank_conflicts.prepare({"": [result]}).waits
    assert waits.sum() == result.memory["requests"].iloc[0]


def looked_up(*overrides: str) -> Result:
    return simulate(load_arch("sparse_small", [*SMALL, *overrides]), trace(LOOKUP))


def test_the_window_and_the_cache_drop_lines_and_never_lose_one() -> None:
    touched = 4 * POPULAR.size
    moved = []
    for overrides in (["load.duplicate_window=0"], [], [CACHE % "lru"], [CACHE % "fibre"]):
        result = looked_up(*overrides)
        traffic_is_conserved(result)
        tiles = tile_table(result)
        assert tiles["rows"].sum() == POPULAR.size
        parts = tiles[["requested_lines", "duplicate_lines", "cache_hits"]].sum()
        assert parts.sum() == touched
        moved.append(int(parts["requested_lines"]))
        assert (parts["cache_hits"] > 0) == bool("cache" in "".join(overrides))
    assert touched >= moved[0] > moved[1] > moved[2] >= 4 * np.unique(POPULAR).size
    assert moved[3] == moved[2]  # nothing is announced, so the policies agree


def test_a_cache_takes_its_bytes_from_the_scratchpad() -> None:
    plain, cached = load_arch("sparse_small"), load_arch("sparse_small", [CACHE % "lru"])
    assert plain.scratchpad_bytes - cached.scratchpad_bytes == (64 << 10) + 1024 * 8


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("load.cache={size: 60 KiB, ways: 16}", "is not 16 ways x 64 B x a power of two of sets"),
        ("load.cache={size: 64 KiB, ways: 16, policy: fifo}", "'fifo' is not known"),
        ("load.duplicate_window=-1", "load.duplicate_window: is -1, expected at least 0"),
    ],
)
def test_bad_figures_are_refused(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_arch("sparse_small", [override])


def test_rows_that_share_lines_ask_for_each_line_once() -> None:
    gatherer = Gatherer(load_arch("sparse_small", ["load.duplicate_window=64"]))
    found = gatherer.requests(0, np.array([0, 3, 1, 0]), 32, 32)
    assert found.runs[:, 0].tolist() == [0] and found.runs[:, 2].tolist() == [128]
    assert (found.lines, found.duplicates, found.useful_bytes) == (2, 2, 96)


def test_accumulators_too_small_for_the_table_fetch_and_write_back() -> None:
    wide = UPDATE.row_elements * 4
    room = load_arch("sparse_small", SMALL).scratchpad_bytes
    assert np.unique(POPULAR).size * wide > room // 2
    for machine in ("sparse_small", "systolic_32"):
        result = simulate(load_arch(machine, SMALL), trace(UPDATE))
        tiles = tile_table(result)
        assert tiles["rows"].sum() == POPULAR.size
        assert 0 < tiles["written_rows"].sum() <= tiles["fetched_rows"].sum() < POPULAR.size
        spills = result.traffic.set_index("cause")["requested_bytes"]
        assert spills["spills"] == tiles["fetched_rows"].sum() * wide
        # Every row that came goes back once.
        assert spills["outputs"] == spills["spills"]


def test_the_command_writes_the_tiles(tmp_path: Path) -> None:
    out = tmp_path / "tiles.csv"
    done = CliRunner().invoke(
        app,
        [
            *("run", "--arch", "sparse_v1", "--workload", "embedding_update"),
            *("--tiles", str(out), "--plot", str(tmp_path / "pictures")),
        ],
    )
    assert done.exit_code == 0, done.output
    for name in ("bandwidth", "bank_conflicts"):
        assert (tmp_path / "pictures" / f"{name}.png").stat().st_size > 10_000
    said = " ".join(done.output.split())  # lines break where the path lets them
    assert "DRAM requests of" in said and "row hits" in said
    header, *rows = out.read_text().splitlines()
    assert header.split(",") == [column.name for column in TILE_COLUMNS]
    assert f"{len(rows)} tiles" in said
