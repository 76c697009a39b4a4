"""Traces from what other tools recorded: SpAtten's fetch counts, and attention masks."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from accelsim.errors import InputError
from accelsim.workload.arrays import pointers
from accelsim.workload.encodings import BitPattern
from accelsim.workload.operators import Attention, Selection
from accelsim.workload.patterns import smallest_encoding, smallest_exact
from accelsim.workload.sharing import shared_sets
from accelsim.workload.trace import Trace, write_trace

Progress = Callable[[str, int, int], None]

_COLUMNS = (
    "iteration_id", "layer_id", "head_id", "embedding_length_D", "sentence_length_L",
    "key_fetch_num", "value_fetch_num",
)  # fmt: skip
_GOLDEN = (5**0.5 - 1) / 2


def import_spatten(file: str | Path, out: str | Path) -> Trace:
    """Turn a SpAtten decode trace (github.com/mit-han-lab/spatten, workloads) into a trace.

    The file counts the keys and values that every (iteration, layer, head) fetched; it does not
    say which. Here a query keeps its own key and the first of one fixed order of all others, so
    that a smaller set lies within a larger one as cascade pruning has it; the positions are
    assumed. An attention has one kept set for keys and values: the keys' count is taken, and the
    fewer values stand in the note.

    Raises
    ------
    InputError
        A column is missing, or a value is no number or out of range, with file and line.
    """
    file = Path(file)
    operators, keys, values, visible = [], 0, 0, 0
    for (step, layer), records in itertools.groupby(_spatten_records(file), key=lambda r: r[:2]):
        heads = list(records)
        if [record[2] for record in heads] != list(range(len(heads))):
            raise InputError(
                f"heads of iteration {step}, layer {layer} are not 0, 1, 2 ... in order",
                where=str(file),
            )
        length, width = heads[0][4], heads[0][3]
        if any(record[3:5] != (width, length) for record in heads):
            raise InputError(
                f"heads of iteration {step}, layer {layer} differ in length or width",
                where=str(file),
            )
        order = np.concatenate(
            ([length - 1], np.argsort((np.arange(length - 1) * _GOLDEN) % 1.0, kind="stable"))
        )
        kept = [np.sort(order[: record[5]]) for record in heads]
        pattern = None
        if any(len(row) < length for row in kept):
            counts = np.array([len(row) for row in kept])
            pattern = smallest_exact(pointers(counts), np.concatenate(kept), length, q_len=1)
        keys += sum(record[5] for record in heads)
        values += sum(record[6] for record in heads)
        visible += length * len(heads)
        operators.append(
            Attention(
                scope=f"step{step}.L{layer}.attention", dtype="int8", batch=1, heads=len(heads),
                kv_heads=len(heads), q_len=1, kv_len=length, d_qk=width, d_v=width, causal=True,
                selection="oracle" if pattern is not None else "static", pattern=pattern,
            )
        )  # fmt: skip
    if not operators:
        raise InputError("no records", where=str(file))
    return write_trace(
        out, Path(out).name.removesuffix(".trace"), operators, model=f"SpAtten trace {file.name}",
        phase="decode", batch=1, seq_len=max(op.kv_len for op in operators), synthetic=True,
        selection_rule=f"SpAtten: {keys / visible:.4f} of the keys, {values / visible:.4f} of the "
        "values fetched",
        licence="the counts are MIT (mit-han-lab/spatten)",
        note="counts of kept keys as recorded; which keys is assumed: nested sets in a fixed "
        "order; values are kept where keys are, so work on the values is overstated",
    )  # fmt: skip


def _spatten_records(file: Path) -> Iterator[tuple[int, ...]]:
    """(iteration, layer, head, width, length, keys, values) of every record that holds data."""
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(
                    f"column {missing[0]} is missing", where=f"{file}, line 1",
                    remedy="give a file of SpAtten's workloads folder",
                )  # fmt: skip
            for line in reader:
                if not line["layer_id"]:  # the last record names the configuration
                    continue
                try:
                    record = tuple(int(float(line[name])) for name in _COLUMNS)
                except (TypeError, ValueError) as error:
                    raise InputError(str(error), where=f"{file}, line {reader.line_num}") from None
                if not 0 < record[5] <= record[4] or not 0 <= record[6] <= record[4]:
                    raise InputError(
                        f"{record[5]} keys and {record[6]} values of {record[4]} fetched",
                        where=f"{file}, line {reader.line_num}",
                    )
                yield record
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(file)) from None


def import_masks(
    file: str | Path,
    out: str | Path,
    *,
    true_means: str,
    d_head: int = 64,
    kv_heads: int | None = None,
    selection: Selection = "oracle",
    progress: Progress | None = None,
) -> Trace:
    """Turn attention masks into a trace of one attention a layer.

    Parameters
    ----------
    file : str or Path
        ``.npy``, bool or integer [layers, heads, queries, keys].
    out : str or Path
    true_means : str
        "kept" or "pruned": what True (or not 0) stands for.
    d_head : int
        Width of a head, which a mask does not say.
    kv_heads : int, optional
        Default: as many as heads.
    selection : str
        Where the indices come from, see `Attention`.
    progress : callable, optional
        Called with (text, layers done, layers).

    Raises
    ------
    InputError
        The file is not such an array, or `true_means` is neither.
    """
    file = Path(file)
    if true_means not in ("kept", "pruned"):
        raise InputError(f"true_means is '{true_means}'", remedy="give kept or pruned")
    try:
        masks = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"not a .npy array: {error}", where=str(file)) from None
    if masks.ndim != 4 or masks.dtype.kind not in "biu" or 0 in masks.shape:
        raise InputError(
            f"is {masks.dtype} of shape {list(masks.shape)}", where=str(file),
            remedy="expected bool or integer [layers, heads, queries, keys]",
        )  # fmt: skip
    layers, heads, q_len, kv_len = masks.shape
    kv_heads = kv_heads or heads
    operators = []
    for layer in range(layers):
        if progress is not None:
            progress(f"layer {layer}", layer, layers)
        bits = np.empty((1, heads, q_len, -(-kv_len // 8)), np.uint8)
        causal = q_len <= kv_len
        for head in range(heads):
            kept = (masks[layer, head] != 0) == (true_means == "kept")
            causal = causal and not np.triu(kept, kv_len - q_len + 1).any()
            bits[0, head] = np.packbits(kept, axis=-1, bitorder="little")
        sharing, sets = shared_sets(bits, heads, kv_heads)
        whole = BitPattern(np.ascontiguousarray(sets).reshape(-1, bits.shape[-1]), kv_len)
        operators.append(
            Attention(
                scope=f"L{layer}.attention", batch=1, heads=heads, kv_heads=kv_heads, q_len=q_len,
                kv_len=kv_len, d_qk=d_head, d_v=d_head, causal=causal, sharing=sharing,
                selection=selection, pattern=smallest_encoding(whole, q_len=q_len),
            )
        )  # fmt: skip
    return write_trace(
        out, Path(out).name.removesuffix(".trace"), operators, model=f"masks of {file.name}",
        phase="prefill" if q_len > 1 else "decode", seq_len=kv_len,
        selection_rule=f"masks, True is {true_means}",
        note=f"attention only; width of a head {d_head} and bf16 are assumed",
    )  # fmt: skip
