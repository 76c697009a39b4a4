"""A machine made larger or smaller: settings that multiply its array, and its bytes on chip.

The array grows along one direction: a systolic array by rows or by columns, a sparse one by rows,
a composed one by PEs. What belongs to a row, a column or a PE grows with it: its storage, and of a
composed array the words of its network. Lanes, segments, buses, mergers and latencies stay, and so
does all that is outside the array: port shares, load, store and vector units, index and scatter
units, DRAM.
"""

from __future__ import annotations

import math
from fractions import Fraction

from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES

Settings = list[tuple[str, object]]
_BYTES = ("on_chip", "mapping.prefetch", "mapping.activation_storage")
_SPARSE = ("query_storage", "accumulators", "fifo_storage")
_SYSTOLIC = ("stationary", "accumulators")
_COMPOSED = ("operand_storage", "accumulators")


def ways_of(arch: Arch) -> tuple[str, ...]:
    """What an array can grow by: "rows", "columns" or "PEs"; the first is the usual one."""
    if isinstance(arch.array, ComposedArray):
        return ("PEs",)
    return ("rows",) if isinstance(arch.array, SparseArray) else ("rows", "columns")


def parts_of(arch: Arch, way: str | None = None) -> int:
    """Into how many equal parts the array can be cut; a larger or smaller one has whole parts.

    All shapes of a systolic array stay in proportion, ports and lines of a serial flexible
    dataflow divide its PEs, and every type has whole MACs a cycle.

    Parameters
    ----------
    arch : Arch
    way : str, optional
        Of `ways_of`, by default the first; so below.
    """
    parts = math.gcd(*_counts(arch, way).values())
    macs = Fraction(arch.array.macs, parts)
    whole = math.lcm(*((macs * Fraction(rate)).denominator for rate in arch.mac_rate.values()))
    return parts // whole if parts % whole == 0 else parts


def array_settings(arch: Arch, times: Fraction, way: str | None = None) -> Settings:
    """Settings that multiply the array.

    Parameters
    ----------
    arch : Arch
    times : Fraction
        A whole number of `parts_of`, over `parts_of`.
    way : str, optional
    """
    array = arch.array
    found: Settings = [(path, int(count * times)) for path, count in _counts(arch, way).items()]
    if isinstance(array, ComposedArray):
        words = {"load_words": array.noc.load_words, "stream_words": array.noc.stream_words}
        found += [(f"array.noc.{name}", math.ceil(n * times)) for name, n in words.items()]
    for name in _storage(array):
        size = math.ceil(getattr(array, name) * times)
        found.append((f"array.{name}", BYTES.format(size)))
    return found


def byte_settings(arch: Arch, times: Fraction) -> Settings:
    """Settings that multiply `on_chip` and what of it is kept for prefetch and activations."""
    mapping = arch.mapping
    sizes = (arch.on_chip, mapping.prefetch, mapping.activation_storage)
    return [
        (path, BYTES.format(int(size * times))) for path, size in zip(_BYTES, sizes, strict=True)
    ]


def size_text(arch: Arch, way: str | None = None) -> tuple[str, str]:
    """What grows, in words: "128 rows" and "24 MiB"."""
    (size, *_), named = _counts(arch, way).values(), way or ways_of(arch)[0]
    return f"{size:,} {named}", f"{arch.on_chip / 2**20:.4g} MiB"


def _counts(arch: Arch, way: str | None) -> dict[str, int]:
    """What is multiplied in whole numbers, by path."""
    array = arch.array
    if isinstance(array, SystolicArray):
        name = way or ways_of(arch)[0]
        return {f"array.shapes.{at}.{name}": getattr(s, name) for at, s in enumerate(array.shapes)}
    if isinstance(array, SparseArray):
        return {"array.rows": array.rows}
    counts = {"array.pe_array.pes": array.pe_array.pes}
    for at, flow in enumerate(array.dataflows):
        if flow.kind == "flexible_serial":
            counts[f"array.dataflows.{at}.ports"] = flow.ports
            counts[f"array.dataflows.{at}.lines"] = flow.lines
    return counts


def _storage(array: SystolicArray | SparseArray | ComposedArray) -> tuple[str, ...]:
    """The fields of storage inside an array."""
    if isinstance(array, SystolicArray):
        return _SYSTOLIC
    return _SPARSE if isinstance(array, SparseArray) else _COMPOSED
