"""Streams of DRAM requests: deterministic, made in chunks, the same with every library version.

Addresses are bytes, aligned to `atom` (one burst). A row shorter than an atom costs a whole one.
Randomness is SplitMix64 of (seed, salt, index), so that any chunk can be made alone and in any
language. The definitions are those of the reference runs in the `dram` suite, which carry a
fingerprint of every stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from accelsim.errors import InputError, unknown_name
from accelsim.workload.operators import Attention
from accelsim.workload.patterns import Pattern

GIB = 1 << 30
CHUNK = 1 << 16
_GOLDEN = 0x9E3779B97F4A7C15
_SEED, _SALT = 0xD1342543DE82EF95, 0x2545F4914F6CDD1D
_LOW_32 = 0x9E3779B1

Parameters = Mapping[str, float]
Chunk = tuple[np.ndarray, np.ndarray]


def hash64(seed: int, index: np.ndarray, salt: int = 0) -> np.ndarray:
    """SplitMix64 of every index: uint64."""
    start = np.uint64((seed * _SEED + salt * _SALT) % (1 << 64))
    z = start + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def uniform(seed: int, index: np.ndarray, salt: int = 0) -> np.ndarray:
    """float64 in [0, 1) from 53 bits."""
    return (hash64(seed, index, salt) >> np.uint64(11)) * 2.0**-53


def randint(seed: int, index: np.ndarray, high: int, salt: int = 0) -> np.ndarray:
    """int64 in [0, high), high at most 2**32."""
    top = hash64(seed, index, salt) >> np.uint64(32)
    return ((top * np.uint64(high)) >> np.uint64(32)).astype(np.int64)


def _rows(rows: Callable[[np.ndarray], np.ndarray], i: np.ndarray, size: int, atom: int) -> Chunk:
    """Requests `i` of a stream of rows of `size` bytes: row j is `rows(j)`."""
    per = max(1, size // atom)
    row, piece = np.divmod(i, per)
    first, back = np.unique(row, return_inverse=True)
    start = rows(first) * size // atom
    return (start[back] + piece) * atom, np.zeros(i.size, bool)


def _sequential(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    return i * atom, np.full(i.size, bool(p.get("write", 0)))


def _random(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    rows = randint(seed, i, int(p["footprint"]) // atom)
    return rows * atom, np.full(i.size, bool(p.get("write", 0)))


def _row_gather(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    size, total = int(p["row_bytes"]), int(p["footprint"]) // int(p["row_bytes"])
    return _rows(lambda j: randint(seed, j, total), i, size, atom)


def _zipf_gather(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    size, items = int(p["row_bytes"]), int(p["items"])
    total = int(p["footprint"]) // size
    mass = np.cumsum(np.arange(1, items + 1, dtype=np.float64) ** -p["alpha"])

    def rows(j: np.ndarray) -> np.ndarray:
        rank = np.searchsorted(mass, uniform(seed, j) * mass[-1], side="right").astype(np.int64)
        return rank * _LOW_32 % items * max(1, total // items) % total

    return _rows(rows, i, size, atom)


def _window_gather(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    window, step, keep = (int(p[name]) for name in ("window", "step", "keep"))

    def rows(j: np.ndarray) -> np.ndarray:
        query, back = np.unique(j // keep, return_inverse=True)
        key = hash64(seed, query[:, None] * window + np.arange(window))
        kept = np.sort(np.argsort(key, axis=1, kind="stable")[:, :keep], axis=1)
        return query[back] * step + kept[back, j % keep]

    return _rows(rows, i, int(p["row_bytes"]), atom)


def _strided(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    stride = int(p["stride_bytes"])
    turn, at = np.divmod(i, int(p["footprint"]) // stride)
    return at * stride + turn * atom, np.zeros(i.size, bool)


def _mixed(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    reads, writes = int(p["reads"]), int(p["writes"])
    group, lane = np.divmod(i, reads + writes)
    is_write = lane >= reads
    wrote = int(p["offset"]) + (group * writes + lane - reads) * atom
    return np.where(is_write, wrote, (group * reads + lane) * atom), is_write


def _mixed_random(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    rows = randint(seed, i, int(p["footprint"]) // atom)
    return rows * atom, uniform(seed, i, salt=7) < p["write_fraction"]


def _two_streams(i: np.ndarray, seed: int, atom: int, p: Parameters) -> Chunk:
    return i // 2 * atom + i % 2 * int(p["offset"]), np.zeros(i.size, bool)


Maker = Callable[[np.ndarray, int, int, Parameters], Chunk]
_TABLE: dict[str, float] = {"footprint": GIB}
_ROWS: dict[str, float] = {"row_bytes": 256}

# What a stream is, and its parameters with their defaults.
STREAMS: dict[str, tuple[Maker, dict[str, float]]] = {
    "seq_read": (_sequential, {}),
    "seq_write": (_sequential, {"write": 1}),
    "random_read": (_random, _TABLE),
    "random_write": (_random, {**_TABLE, "write": 1}),
    "row_gather": (_row_gather, {**_TABLE, **_ROWS}),
    "zipf_gather": (_zipf_gather, {**_TABLE, **_ROWS, "alpha": 1.1, "items": 1 << 18}),
    "window_gather": (_window_gather, {**_ROWS, "window": 64, "step": 16, "keep": 32}),
    "strided": (_strided, {**_TABLE, "stride_bytes": 4096}),
    "mixed": (_mixed, {"reads": 2, "writes": 1, "offset": GIB // 2 + 8192 * 5}),
    "mixed_random": (_mixed_random, {**_TABLE, "write_fraction": 1 / 3}),
    "two_streams": (_two_streams, {"offset": GIB // 2}),
}


def stream(
    name: str,
    requests: int,
    given: Parameters | None = None,
    *,
    seed: int = 0,
    atom: int = 64,
    chunk: int = CHUNK,
) -> Iterator[Chunk]:
    """Make a stream, chunk by chunk.

    Parameters
    ----------
    name : str
        A key of `STREAMS`.
    requests : int
    given : mapping, optional
        Parameters of the stream: `row_bytes`, `stride_bytes`, `footprint`, `offset`, all in bytes;
        `alpha`, `items`, `window`, `step`, `keep`, `reads`, `writes`, `write_fraction`.
    seed : int
    atom : int, bytes
        Of a request, a power of two.
    chunk : int
        Requests of a chunk.

    Yields
    ------
    (addresses, is_write) : (int64[n], bool[n])

    Raises
    ------
    InputError
        Unknown stream or parameter, or a value that makes no stream.
    """
    if name not in STREAMS:
        raise unknown_name("stream", name, STREAMS)
    make, defaults = STREAMS[name]
    given = given or {}
    for parameter, value in given.items():
        known = [p for p in defaults if p != "write"]
        if parameter not in known:
            raise unknown_name(f"parameter of {name}", parameter, known)
        if value < 0 or (value == 0 and parameter != "offset" and parameter != "write_fraction"):
            raise InputError(f"{parameter} is {value:g}, expected more than 0", where=name)
    parameters = {**defaults, **given}
    smallest = max(int(parameters.get(p, 1)) for p in ("row_bytes", "stride_bytes"))
    if "footprint" in parameters and parameters["footprint"] < max(smallest, atom):
        raise InputError(
            f"footprint {parameters['footprint']:g} B holds no row of {max(smallest, atom)} B",
            where=name,
        )
    return _chunks(make, requests, seed, atom, chunk, parameters)


def _chunks(
    make: Maker, requests: int, seed: int, atom: int, chunk: int, parameters: Parameters
) -> Iterator[Chunk]:
    for first in range(0, requests, chunk):
        yield make(np.arange(first, min(requests, first + chunk)), seed, atom, parameters)


def attention_gather(
    op: Attention, requests: int, row_bytes: int, *, queries: int = 16, atom: int = 64
) -> Iterator[Chunk]:
    """Reads of the keys that tiles of neighbouring queries kept, one tile a chunk.

    The last queries come first: early ones of a causal pattern see few keys.

    Keys of a unit (a head, or what shares its index set) lie one after the other, `row_bytes`
    apart; a tile reads the union of its queries' keys, ascending.

    Parameters
    ----------
    op : Attention
        With a pattern.
    requests : int
        The stream ends there, or with the operator.
    row_bytes : int
    queries : int
        Of a tile.
    atom : int, bytes

    Raises
    ------
    InputError
        The operator keeps every key.
    """
    if op.pattern is None:
        raise InputError("keeps every key, there is nothing to gather", where=op.scope)
    return _gathered(op, op.pattern, requests, row_bytes, queries, atom)


def _gathered(
    op: Attention, pattern: Pattern, requests: int, row_bytes: int, queries: int, atom: int
) -> Iterator[Chunk]:
    per = max(1, row_bytes // atom)
    tiles = [
        (unit, query)
        for unit in range(op.batch * op.units)
        for query in reversed(range(0, op.q_len, queries))
    ]
    for unit, query in tiles:
        if requests <= 0:
            return
        first = unit * op.q_len + query
        _, kept = pattern.csr(first, first + min(queries, op.q_len - query))
        rows = np.unique(kept).astype(np.int64) + unit * op.kv_len
        start = rows * row_bytes // atom
        addresses = (start[:, None] + np.arange(per)).ravel()[:requests] * atom
        requests -= addresses.size
        yield addresses, np.zeros(addresses.size, bool)


def fingerprint(chunks: Iterator[Chunk]) -> str:
    """First 16 hexadecimal digits of SHA-256 over little-endian (address << 1 | is_write)."""
    digest = hashlib.sha256()
    for addresses, is_write in chunks:
        digest.update(((addresses << 1) | is_write).astype("<u8").tobytes())
    return digest.hexdigest()[:16]
