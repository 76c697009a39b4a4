"""DRAM parts: what is shipped, what follows from the figures, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.arch.parts import load_part, part_folder, part_names
from accelsim.engine.dram import run_stream
from accelsim.errors import InputError
from accelsim.kernels import dram_fields as k
from accelsim.workload.streams import stream

PEAKS = {"hbm2": 256, "ddr4_2400": 19.28, "ddr4_3200": 25.4, "lpddr4_2400": 19.28, "hbm2e": 409.6,
         "hbm3": 819.2, "gddr6": 56.14, "lpddr5_6400": 51.2}  # fmt: skip


@pytest.mark.parametrize("name", part_names())
def test_a_shipped_part_runs_and_stays_below_its_peak(name: str) -> None:
    part = load_part(name)
    assert part.bandwidth / 1e9 == pytest.approx(PEAKS[name], rel=1e-3)
    assert part.vector.dtype == np.int64 and part.vector.size == k.T_FIELDS
    made = stream("seq_read", 20_000, atom=part.request_bytes)
    found = run_stream(part.vector, made, width=64)
    seconds = found.clocks * part.clock_period / 1e12
    share = found.read_commands * part.request_bytes / seconds / part.bandwidth
    # One row after the other: bursts of one bank group, tCCD_L apart.
    t = part.timing
    assert 0.7 * part.column_clocks / max(t.tccd_l, part.burst_clocks) < share <= 1


@pytest.mark.parametrize("name", part_names())
def test_every_part_names_its_sources(name: str) -> None:
    text = (part_folder() / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    known = ("DRAMsim3", "JEDEC", "JESD")
    assert any(word in text.split("name:")[0] for word in known)
    assert bool(load_part(name).assumed) == ("assumed" in text.split("name:")[0])


def test_refresh_can_be_switched_off() -> None:
    off = load_part("hbm2", ["refresh=false"])
    made = list(stream("seq_read", 60_000))
    without, with_it = (run_stream(p.vector, made, width=16) for p in (off, load_part("hbm2")))
    assert without.refreshes == 0 < with_it.refreshes and without.clocks < with_it.clocks


def test_the_mapping_says_where_an_address_goes() -> None:
    made = [(np.arange(64, dtype=np.int64) * 64, np.zeros(64, bool))]
    wide = load_part("hbm2", ["mapping=ro ra bg ba co ch"])
    assert (run_stream(wide.vector, made, width=8).channel_commands == 8).all()
    narrow = run_stream(load_part("hbm2").vector, made, width=8)
    assert narrow.channel_commands.tolist() == [32, 32, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("hbm2x", "", "did you mean 'hbm2"),
        ("no/such.yaml", "", "no such file"),
        ("hbm2", "mapping=ro ra bg ba ch", "lacks 'co'"),
        ("hbm2", "mapping=ro ra bg ba ch co co", "'co' twice"),
        ("hbm2", "mapping=ro ra bg ba ch xx", "unknown field 'xx'"),
        ("hbm2", "channels=0", "channels"),
        ("hbm2", "channels=3", "power of two"),
        ("hbm2", "queues.writes=8", "more than 8"),
        ("hbm2", "timing.trpp=4", "trp"),
    ],
)
def test_a_wrong_part_is_refused(name: str, change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_part(name, [change] if change else [])
