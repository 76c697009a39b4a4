"""The scratchpad, the units that move data or work on it, and the DRAM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.arch.units import (
    Bytes,
    BytesOrZero,
    Count,
    CountOrZero,
    Duration,
    Rate,
)
from accelsim.config.record import FieldError, Spec

FP32_BYTES = 4
INDEX_BYTES = 4


class Share(Spec):
    """Bytes a cycle of the scratchpad's ports that one unit owns, each way.

    Attributes
    ----------
    read, write : int, bytes
        Bytes that the unit may read or write in a cycle; 0 B where it never does.
    """

    read: BytesOrZero
    write: BytesOrZero


class Shares(Spec):
    """Port shares per unit; `index` and `scatter` only where the unit exists."""

    load: Share
    store: Share
    array: Share
    vector: Share
    index: Share | None = None
    scatter: Share | None = None

    def of_units(self) -> dict[str, Share]:
        """The shares that are given, by unit."""
        shares = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: share for name, share in shares.items() if share is not None}

    @model_validator(mode="after")
    def _can_work(self) -> Shares:
        for unit, share in self.of_units().items():
            for way in ("read", "write"):
                needs = way != {"load": "read", "store": "write"}.get(unit)
                if needs and getattr(share, way) == 0:
                    raise FieldError(f"{unit}.{way}", f"is 0 B, but {unit} must {way}")
        return self


class Scratchpad(Spec):
    """Banks of `bank_bytes` width; every unit owns a fixed share of the ports.

    `queue_depth` : requests that wait at a bank.

    Attributes
    ----------
    banks : int
        Banks that work at the same time.
    bank_bytes : int, bytes
        What one port of a bank moves in a cycle.
    read_ports, write_ports : int
        Ports of each bank.
    """

    banks: Count
    bank_bytes: Bytes
    read_ports: Count
    write_ports: Count
    queue_depth: Count
    shares: Shares

    @property
    def read_bytes_per_cycle(self) -> int:
        """What all read ports move in a cycle."""
        return self.banks * self.bank_bytes * self.read_ports

    @property
    def write_bytes_per_cycle(self) -> int:
        """What all write ports move in a cycle."""
        return self.banks * self.bank_bytes * self.write_ports

    @model_validator(mode="after")
    def _shares_fit(self) -> Scratchpad:
        for way in ("read", "write"):
            have = getattr(self, f"{way}_bytes_per_cycle")
            parts = {unit: getattr(s, way) for unit, s in self.shares.of_units().items()}
            if sum(parts.values()) > have:
                listed = " + ".join(f"{unit} {part}" for unit, part in parts.items() if part)
                raise FieldError(
                    "shares",
                    f"the {way} shares take {sum(parts.values())} B a cycle ({listed}), but"
                    f" banks x bank_bytes x {way}_ports move {have} B",
                )
        return self


VectorOperation = Literal["scale", "max", "subtract", "exp", "sum", "convert", "rescale", "divide"]
VECTOR_OPERATIONS: tuple[VectorOperation, ...] = (
    "scale",
    "max",
    "subtract",
    "exp",
    "sum",
    "convert",
    "rescale",
    "divide",
)


class Vector(Spec):
    """The vector unit: `operations` gives the lane-cycles that each costs per element.

    Attributes
    ----------
    lanes : int
        Elements that are worked on in a cycle.
    operations : dict of float
        Lane-cycles per element of each operation; all of them are needed.
    """

    lanes: Count
    operations: dict[VectorOperation, Rate]

    @model_validator(mode="after")
    def _every_operation(self) -> Vector:
        missing = [name for name in VECTOR_OPERATIONS if name not in self.operations]
        if missing:
            raise FieldError(
                "operations", f"has no '{missing[0]}', expected {', '.join(VECTOR_OPERATIONS)}"
            )
        return self


class IndexUnit(Spec):
    """Top-k, mask decoding and the union of a tile's keys, at these rates per cycle.

    `window_entries` : keys that the union bitmap can mark, one bit each.

    Attributes
    ----------
    compares_per_cycle : int
        Scores that top-k compares in a cycle.
    bitmap_bits_per_cycle : int
        Bits of masks that are decoded or joined in a cycle.
    csr_nonzeros_per_cycle : int
        Stored indices that are decoded or joined in a cycle.
    """

    compares_per_cycle: Count
    bitmap_bits_per_cycle: Count
    csr_nonzeros_per_cycle: Count
    window_entries: Count

    @property
    def local_bytes(self) -> int:
        """The union bitmap."""
        return -(-self.window_entries // 8)


class ScatterUnit(Spec):
    """Banked fp32 accumulation with a conflict queue per bank; the data is in the scratchpad.

    Attributes
    ----------
    banks : int
        Accumulator banks.
    lanes : int
        Values of a row that a bank adds in a cycle.
    queue_depth : int
        Rows that wait at a bank.
    """

    banks: Count
    lanes: Count
    queue_depth: Count

    @property
    def local_bytes(self) -> int:
        """The queues: `lanes` fp32 values and an index per entry."""
        return self.banks * self.queue_depth * (self.lanes * FP32_BYTES + INDEX_BYTES)


class GatherCache(Spec):
    """A set-associative cache of DRAM lines that a load looks into before it gathers.

    `size` : its data; `ways` : lines of a set; `policy` : "lru", or "fibre", which counts reads
    that were announced. See `accelsim.kernels.cache`.
    """

    size: Bytes
    ways: Count
    policy: Literal["lru", "fibre"] = "lru"


class Load(Spec):
    """The DMA that reads DRAM into the scratchpad.

    Attributes
    ----------
    engines : int
        Tasks at once.
    outstanding : int
        Lines in flight, all engines together; each holds `tag_bytes` on chip (its data lands in
        scratchpad that is already claimed).
    lines_per_cycle : int
        Lines issued in a cycle, of contiguous runs and of gathered rows alike.
    crossing : int, ps
        From the unit to the DRAM controller.
    return_bytes_per_cycle : int
        Width of the way back, at most the load's write share.
    gathers_attention : bool
        Whether it gathers the union of a tile's keys, and the weights that a product needs where
        few are (rows for MoE dispatch it always gathers).
    duplicate_window : int
        Lines requested last in a tile that a gather does not request again; `tag_bytes` each.
    cache : GatherCache or None
        Where gathered lines stay for later tiles; a line's tag takes `tag_bytes`.
    tag_bytes : int, bytes
        On-chip bytes that keep where a line in flight belongs.
    """

    engines: Count
    outstanding: Count
    tag_bytes: Bytes
    lines_per_cycle: Count
    crossing: Duration
    return_bytes_per_cycle: Bytes
    gathers_attention: Annotated[bool, Field(strict=True)]
    duplicate_window: CountOrZero = 0
    cache: GatherCache | None = None

    @property
    def local_bytes(self) -> int:
        """Tags of the lines in flight and of the window."""
        return (self.outstanding + self.duplicate_window) * self.tag_bytes


class Store(Spec):
    """The DMA that writes the scratchpad to DRAM; the fields mean what they do in `Load`.

    Attributes
    ----------
    engines : int
        Tasks at once.
    outstanding : int
        Lines in flight; each holds `tag_bytes` on chip.
    tag_bytes : int, bytes
        On-chip bytes that keep where a line in flight belongs.
    lines_per_cycle : int
        Lines issued in a cycle, at most what its read share feeds.
    crossing : int, ps
        From the unit to the DRAM controller.
    """

    engines: Count
    outstanding: Count
    tag_bytes: Bytes
    lines_per_cycle: Count
    crossing: Duration

    @property
    def local_bytes(self) -> int:
        """Tags of the lines in flight."""
        return self.outstanding * self.tag_bytes
