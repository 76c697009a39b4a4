"""Suite `dram`: request-level DRAM against DRAMsim3, stream by stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from accelsim.arch.parts import load_part
from accelsim.engine.dram import StreamResult, run_stream
from accelsim.errors import InputError
from accelsim.validation.outcome import Row
from accelsim.validation.table import Line, read_table
from accelsim.workload.streams import STREAMS, fingerprint, stream

BUILT_IN = ("dram.csv",)

# DRAMsim3's configurations, and the shipped parts that hold their figures.
PARTS = {
    "HBM2_8Gb_x128": "hbm2",
    "DDR4_8Gb_x8_2400": "ddr4_2400",
    "DDR4_8Gb_x8_3200": "ddr4_3200",
    "LPDDR4_8Gb_x16_2400": "lpddr4_2400",
}
_COLUMNS = (
    "config", "stream", "params", "seed", "atom", "width", "window", "fingerprint", "requests",
    "cycles", "act_cmds", "row_hit_rate",
)  # fmt: skip
SHARE = 0.001  # of the reference, for end effects
_PRINTED = 1e-4  # the reference's rates have four decimals


def read_rows(path: Path) -> Iterator[Row]:
    """Replay every stream of a CSV file with the columns of the reference runs.

    A row is the clocks until all reads are back; beside it activates and row-hit rate must be
    the same, and the stream must have the fingerprint of the row.

    Raises
    ------
    InputError
        The file cannot be used, or a stream is not the one that was run.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    return (_case(line) for line in table.lines)


def _case(line: Line) -> Row:
    part = load_part(PARTS[line.choice("config", PARTS)])
    name = line.choice("stream", STREAMS)
    requests = line.integer("requests")
    atom, seed = line.integer("atom"), line.integer("seed", least=0)
    if atom != part.request_bytes:
        raise InputError(
            f"is {atom}, a request of {part.name} has {part.request_bytes} B",
            where=line.where("atom"),
            remedy="run the reference again with that size",
        )
    given = _parameters(line)
    made = fingerprint(stream(name, requests, given, seed=seed, atom=atom))
    if made != line.text("fingerprint"):
        raise InputError(
            f"the stream made here has fingerprint {made}",
            where=line.where("fingerprint"),
            remedy="this is another stream than the one that was run",
        )
    found = run_stream(
        part.vector,
        stream(name, requests, given, seed=seed, atom=atom),
        width=line.integer("width"),
        window=line.integer("window", least=0),
    )
    label = line.fields.get("label") or name
    window = f", window {line.text('window')}" if line.text("window") != "0" else ""
    return Row(
        case=f"{part.name} {label}{window}",
        reference=line.integer("cycles", most=2**62),
        model=found.clocks,
        note="; ".join(_differences(line, found)),
    )


def _parameters(line: Line) -> dict[str, float]:
    try:
        given = json.loads(line.text("params"))
    except ValueError:
        given = None
    if not isinstance(given, dict) or not all(type(v) in (int, float) for v in given.values()):
        raise InputError(
            'expected a JSON object such as {"row_bytes": 256}', where=line.where("params")
        )
    return given


def _differences(line: Line, found: StreamResult) -> Iterator[str]:
    activates = line.integer("act_cmds", least=0)
    if abs(found.activates - activates) > SHARE * activates:
        yield f"{found.activates:,} activates, reference {activates:,}"
    rate = line.number_at("row_hit_rate")
    if abs(found.row_hit_rate - rate) > _PRINTED:
        yield f"row-hit rate {found.row_hit_rate:.4f}, reference {rate:.4f}"
