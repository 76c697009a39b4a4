"""What machines have in common and what not: the terms on which a comparison is fair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES, BYTES_PER_SECOND

PEAK = "peak MAC/s"  # and the type
_SCALED = ("on-chip bytes, all storage", "prefetch", "activation storage")


@dataclass(frozen=True)
class Row:
    """One term.

    Attributes
    ----------
    name : str
        The term.
    values : tuple[str, ...]
        Its value on each machine, with units, in the order given.
    equal : bool
        Whether all values are the same.
    required : bool
        Whether a fair comparison needs it equal; such a row that differs is to be shown first.
    """

    name: str
    values: tuple[str, ...]
    equal: bool
    required: bool


def equalities(archs: Sequence[Arch], *, scaled: bool = False) -> tuple[list[Row], list[Row]]:
    """Compare machines term by term.

    Parameters
    ----------
    archs : sequence of Arch
    scaled : bool
        Whether some were scaled to have the same of something else, such as area: rows and bytes
        are then free to differ.

    Returns
    -------
    tuple[list[Row], list[Row]]
        What is equal, and what differs (terms that should be equal come first).
    """
    rows = [
        _row(name, term, archs, required=not (scaled and scales(name)))
        for name, term in _required(archs).items()
    ]
    rows += [_row(name, term, archs, required=False) for name, term in _FREE.items()]
    return [row for row in rows if row.equal], [row for row in rows if not row.equal]


def scales(name: str) -> bool:
    """Whether a term is scaled with a machine, see `accelsim.arch.size`."""
    return name.startswith(PEAK) or name in _SCALED


def _row(name: str, term: Callable[[Arch], str], archs: Sequence[Arch], *, required: bool) -> Row:
    values = tuple(term(arch) for arch in archs)
    return Row(name, values, len(set(values)) <= 1, required)


def _required(archs: Sequence[Arch]) -> dict[str, Callable[[Arch], str]]:
    dtypes = dict.fromkeys(dtype for arch in archs for dtype in arch.mac_rate)
    return {f"{PEAK} {dtype}": _peak(dtype) for dtype in dtypes} | _FAIR


def _peak(dtype: str) -> Callable[[Arch], str]:
    def peak(arch: Arch) -> str:
        if dtype not in arch.mac_rate:
            return "none"
        macs = arch.peak_macs_per_cycle(dtype)
        return f"{macs / arch.clock_ps:.3f} T ({macs:,} a cycle)"

    return peak


def _dram(arch: Arch) -> str:
    d = arch.dram
    return (
        f"{BYTES_PER_SECOND.format(d.bandwidth)}, {d.channels} channels,"
        f" {BYTES.format(d.capacity)}, level {d.level}"
    )


def _dram_timing(arch: Arch) -> str:
    table = arch.dram.table()
    return ", ".join(f"{name} {value}" for name, value in table.items() if name != "channels")


def _load(arch: Arch) -> str:
    load = arch.load
    return (
        f"engines {load.engines}, a cycle: lines {load.lines_per_cycle},"
        f" {load.return_bytes_per_cycle} B back; crossing {load.crossing} ps; duplicate window"
        f" {load.duplicate_window}, cache {BYTES.format(load.cache.size) if load.cache else 'none'}"
    )


def _store(arch: Arch) -> str:
    store = arch.store
    lines = f"engines {store.engines}, lines a cycle {store.lines_per_cycle}"
    return f"{lines}, crossing {store.crossing} ps"


def _operations(arch: Arch) -> str:
    return ", ".join(f"{name} {cost:g}" for name, cost in sorted(arch.vector.operations.items()))


def _shares(*units: str) -> Callable[[Arch], str]:
    def shares(arch: Arch) -> str:
        given = arch.scratchpad.shares.of_units()
        return ", ".join(
            f"{unit} {given[unit].read}/{given[unit].write} B" for unit in units if unit in given
        )

    return shares


def _array(arch: Arch) -> str:
    return f"{arch.array.kind}, {array_shape(arch)}"


def array_shape(arch: Arch) -> str:
    """The array in a few characters: "1x128x128 | 4x64x64" or "128x8x16"."""
    array = arch.array
    if array.kind == "sparse":
        return f"{array.rows}x{array.segments}x{array.lanes}"
    if array.kind == "composed":
        flows = "/".join(flow.kind for flow in array.dataflows)
        return f"{flows} {array.pe_array.pes}x{array.pe_array.lanes}"
    return " | ".join(f"{s.count}x{s.rows}x{s.columns}" for s in array.shapes)


def _fold_rule(arch: Arch) -> str:
    array = arch.array
    if array.kind != "systolic":
        return "none"
    return f"{array.fold_rule}, {array.preload_rows_per_cycle} rows a cycle"


def _index(arch: Arch) -> str:
    unit = arch.index
    if unit is None:
        return "none"
    return (
        f"{unit.compares_per_cycle} compares, {unit.bitmap_bits_per_cycle} bitmap bits,"
        f" {unit.csr_nonzeros_per_cycle} CSR nonzeros a cycle, window {unit.window_entries}"
    )


def _scatter(arch: Arch) -> str:
    unit = arch.scatter
    return "none" if unit is None else f"{unit.banks} banks x {unit.lanes} fp32"


def _local(arch: Arch) -> str:
    return ", ".join(f"{name} {BYTES.format(n)}" for name, n in arch.local_storage.items())


def _placement(arch: Arch) -> str:
    p = arch.mapping.placement
    together = "interleaved" if p.interleaved else "apart"
    return f"seed {p.seed}, {BYTES.format(p.alignment)} aligned, keys by {p.keys_by}, {together}"


def _mapping(arch: Arch) -> str:
    return f"tile_queries {arch.mapping.tile_queries}, dataflow {arch.mapping.dataflow}"


_FAIR: dict[str, Callable[[Arch], str]] = {
    "clock": lambda arch: f"{1000 / arch.clock_ps:.4g} GHz ({arch.clock_ps} ps)",
    "on-chip bytes, all storage": lambda arch: BYTES.format(arch.on_chip),
    "scratchpad read a cycle": lambda arch: f"{arch.scratchpad.read_bytes_per_cycle:,} B",
    "scratchpad write a cycle": lambda arch: f"{arch.scratchpad.write_bytes_per_cycle:,} B",
    "load, store and vector shares, read/write": _shares("load", "store", "vector"),
    "DRAM": _dram,
    "DRAM timing, B and ps": _dram_timing,
    "read lines outstanding": lambda arch: f"{arch.load.outstanding:,}",
    "write lines outstanding": lambda arch: f"{arch.store.outstanding:,}",
    "load unit": _load,
    "store unit": _store,
    "vector lanes": lambda arch: f"{arch.vector.lanes}",
    "vector lane-cycles an element": _operations,
    "prefetch": lambda arch: BYTES.format(arch.mapping.prefetch),
    "activation storage": lambda arch: BYTES.format(arch.mapping.activation_storage),
    "chunk": lambda arch: BYTES.format(arch.mapping.chunk),
    "bits of a stored index": lambda arch: f"{arch.mapping.index_bits}",
    "placement": lambda arch: _placement(arch),
    "dispatch cycles": lambda arch: f"{arch.control.dispatch_cycles}",
}

_FREE: dict[str, Callable[[Arch], str]] = {
    "array": _array,
    "fold rule": _fold_rule,
    "gathers keys for attention": lambda a: "yes" if a.load.gathers_attention else "no",
    "index unit": _index,
    "scatter unit": _scatter,
    "array, index and scatter shares, read/write": _shares("array", "index", "scatter"),
    "local storage": _local,
    "scratchpad": lambda arch: BYTES.format(arch.scratchpad_bytes),
    "sparsity": lambda arch: "on" if arch.mapping.sparsity else "off",
    "mapping": _mapping,
}
