"""Suite `spatten`: SpAtten's top-k engine, and the floors of its GPT-2 decode traces.

Top-k: the mean over `DRAWS` random rows; the tolerance, 3 %, is four standard errors of the
difference of two such means. Rows `bottleneck` set the top-k of a head against its Q x K: where
the model is above the reference, selecting the keys takes longer than scoring them.

A trace (the CSV files of the authors' repository, read from the user's own copy with ``--cases``)
is summed over its records: keys and values fetched x head width x bits / 8 over 512 B a cycle,
keys x head width over 512 multipliers, rounded once at the end. A width of -1, 10 or 12 bits is
fetched as 8, as the authors' harness does; a requantised record fetches 4 more bits of its keys. A
last record that names the configuration holds no data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accelsim.errors import InputError
from accelsim.kernels.quickselect import quickselect
from accelsim.validation.outcome import FORMULA, TREND, Row
from accelsim.validation.table import Line, Table, read_table

BUILT_IN = ("spatten.csv",)
DRAWS = 2000
TOP_K_TOLERANCE = 0.03
BYTES_PER_CYCLE = 512
MULTIPLIERS = 512
HEAD = 64

_KINDS = ("top_k", "dense_dram", "dense_compute", "bottleneck")
_TRACE = (
    "iteration_id", "layer_id", "embedding_length_D", "sentence_length_L", "key_fetch_num",
    "quant_key_bit", "if_requant", "auto_requant_incre", "value_fetch_num", "quant_value_bit",
)  # fmt: skip
_AS_8_BITS = (-1, 10, 12)
_STEPS, _LAYERS, _HEADS = 32, 12, 12
# (records, whether all keys and values are fetched): name, DRAM floor, Q x K cycles.
_KNOWN = {
    (4608, True): ("GPT-2 small, wikitext2, dense", 1161792, 580896),
    (4608, False): ("GPT-2 small, wikitext2, pruned", 160993, 160396),
    (12288, True): ("GPT-2 medium, ptb, dense", 3098112, 1549056),
    (11328, False): ("GPT-2 medium, wikitext2, pruned", 998925, 767876),
}


def read_rows(path: Path) -> list[Row]:
    """Run the cases of a table, or sum up a trace of the authors' repository.

    Raises
    ------
    InputError
        The file cannot be used, or no reference is known for the trace.
    """
    table = read_table(path)
    if "iteration_id" in table.columns:
        return _trace(table)
    table.require(("kind", "keys", "select", "parallelism", "reference"))
    return [_case(line) for line in table.lines]


def _case(line: Line) -> Row:
    kind = line.choice("kind", _KINDS)
    keys = line.integer("keys", most=2**20)
    reference, source = line.number_at("reference"), line.fields.get("source", "")
    if kind.startswith("dense"):
        fetched = _LAYERS * _HEADS * sum(range(keys, keys + _STEPS))
        work = fetched * HEAD
        model = 2 * work / BYTES_PER_CYCLE if kind == "dense_dram" else work / MULTIPLIERS
        what = "DRAM floor" if kind == "dense_dram" else "Q x K"
        case = f"{what}, {_STEPS} steps from {keys} keys, nothing pruned, 8 bits"
        return Row(case, reference, round(model), label=FORMULA, source=source, tolerance=0)
    select, parallelism = line.integer("select"), line.integer("parallelism")
    scores = np.random.default_rng(0).random(keys * DRAWS, dtype=np.float32)
    cycles = np.zeros(DRAWS, np.int64)
    ends = np.arange(DRAWS + 1, dtype=np.int64) * keys
    quickselect(scores, ends, np.full(DRAWS, select, np.int64), parallelism, 1, cycles)
    case = f"top-{select} of {keys}, {parallelism} a cycle"
    mean = float(cycles.mean())
    if kind == "bottleneck":
        case += ": top-k (model) beside Q x K (reference)"
        return Row(case, reference, mean, label=TREND, source=source)
    return Row(case, reference, mean, label=FORMULA, source=source, tolerance=TOP_K_TOLERANCE)


def _trace(table: Table) -> list[Row]:
    table.require(_TRACE)
    lines = [line for line in table.lines if line.fields["layer_id"]]
    key_bits = value_bits = work = keys = values = 0
    dense = True
    for line in lines:
        width = line.integer("embedding_length_D")
        key, value = line.integer("key_fetch_num"), line.integer("value_fetch_num", least=0)
        bits = _bits(line, "quant_key_bit")
        if line.choice("if_requant", ("True", "False")) == "True":
            bits += line.integer("auto_requant_incre", least=0)
        key_bits += key * width * bits
        value_bits += value * width * _bits(line, "quant_value_bit")
        work += key * width
        keys, values = keys + key, values + value
        dense = dense and key == value == line.integer("sentence_length_L")
    known = _KNOWN.get((len(lines), dense))
    if known is None:
        raise InputError(
            f"no reference is known for this trace: {len(lines)} records, {keys} keys and"
            f" {values} values fetched",
            where=table.file,
            remedy="known: " + ", ".join(name for name, *_ in _KNOWN.values()),
        )
    name, floor, compute = known
    model = (key_bits + value_bits) / 8 / BYTES_PER_CYCLE
    source = "mit-han-lab/spatten, workloads"
    return [
        Row(f"{name}: DRAM floor", floor, round(model), label=FORMULA, source=source),
        Row(f"{name}: Q x K", compute, round(work / MULTIPLIERS), label=FORMULA, source=source),
    ]


def _bits(line: Line, column: str) -> int:
    bits = line.integer(column, least=-1, most=64)
    return 8 if bits in _AS_8_BITS else bits
