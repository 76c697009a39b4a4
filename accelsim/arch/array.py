"""The PE arrays: one frozen model per kind, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from accelsim.arch.composed import ComposedArray
from accelsim.arch.units import BYTES, Bytes, Count, CountOrZero
from accelsim.config.record import FieldError, Spec

Dataflow = Literal["ws", "os", "is"]
BF16_BYTES = 2


class Shape(Spec):
    """`count` equal arrays of `rows` x `columns` MAC units.

    Attributes
    ----------
    count : int
        Arrays that work side by side.
    rows, columns : int
        MAC units of one array, each way.
    """

    count: Count
    rows: Count
    columns: Count

    @property
    def macs(self) -> int:
        """MAC units of all of them."""
        return self.count * self.rows * self.columns


class SystolicArray(Spec):
    """A systolic array that can run as any of `shapes`; the mapping takes the faster.

    Attributes
    ----------
    shapes, dataflows : tuple
        What the mapping may choose from, per operator.
    fold_rule : str
        ``serial_folds`` (SCALE-Sim: load, stream, drain, one fold after the other),
        ``tpu_published`` (fold = X + min(K, R) + C), ``preload`` (the next fold's stationary
        operand loads behind the stream).
    preload_rows_per_cycle : int
        Rows of the stationary operand that the edge takes in a cycle.
    reconfiguration_cycles : int
        Switch of dataflow or shape, once an operator.
    stationary, accumulators : int, bytes
        Array-local storage of the stationary operand; the same of partial sums.
    """

    kind: Literal["systolic"]
    shapes: tuple[Shape, ...] = Field(min_length=1)
    dataflows: tuple[Dataflow, ...] = Field(min_length=1)
    fold_rule: Literal["serial_folds", "tpu_published", "preload"]
    preload_rows_per_cycle: Count
    reconfiguration_cycles: CountOrZero
    stationary: Bytes
    accumulators: Bytes

    @field_validator("dataflows", "shapes")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        for i, value in enumerate(values):
            if value in values[:i]:
                shown = value if isinstance(value, str) else f"entry {i}"
                raise ValueError(f"'{shown}' is there twice, expected each once")
        return values

    @model_validator(mode="after")
    def _room_for_weights(self) -> SystolicArray:
        copies = 2 if self.fold_rule == "preload" else 1
        need = copies * self.macs * BF16_BYTES
        if self.stationary < need:
            raise FieldError(
                "stationary",
                f"{BYTES.format(self.stationary)} is too small: fold_rule {self.fold_rule} holds"
                f" {copies} x {self.macs} bf16 weights, expected at least {BYTES.format(need)}",
            )
        return self

    @property
    def macs(self) -> int:
        """MAC units of the largest shape (shipped shapes are all equal)."""
        return max(shape.macs for shape in self.shapes)

    @property
    def local_bytes(self) -> int:
        """Storage inside the array, part of `on_chip`."""
        return self.stationary + self.accumulators

    @property
    def storage(self) -> dict[str, int]:
        """Storage inside the array by name, bytes."""
        return {"stationary": self.stationary, "accumulators": self.accumulators}


class DenseMode(Spec):
    """How dense operators run on a sparse array: lengths of a dot product to choose from.

    Attributes
    ----------
    k_slices : tuple of int
        Lengths of a dot product; the mapping takes the fastest per operator.
    """

    k_slices: tuple[Count, ...] = Field(min_length=1)


class SparseArray(Spec):
    """Rows of segments of lanes, fed by multicast buses.

    Attributes
    ----------
    rows, segments, lanes : int
        MAC units: rows x segments x lanes. The segments of a row chain to one long dot or axpy.
    queries_per_row : int
        Stationary queries (or tokens) that a row holds; a tile is up to rows x this.
    multicast_buses, bus_bytes : int
        Buses that carry one gathered row each to all rows that kept it; bytes a cycle of each.
    fifo_depth : int
        Deliveries that a row may lag behind its bus.
    tile_buffers : int
        Tiles whose operands a row may hold, so how far rows run ahead of each other.
    balance : str
        ``static``: queries stay on their row.
    query_storage, accumulators, fifo_storage : int, bytes
        Array-local storage of stationary queries; the same of partial sums; the same of the FIFOs
        of all rows.
    reconfiguration_cycles : int
        Switch between sparse and dense mode, and once an operator.
    """

    kind: Literal["sparse"]
    rows: Count
    segments: Count
    lanes: Count
    queries_per_row: Count
    multicast_buses: Count
    bus_bytes: Bytes
    fifo_depth: Count
    tile_buffers: Count
    balance: Literal["static"]
    query_storage: Bytes
    accumulators: Bytes
    fifo_storage: Bytes
    dense_mode: DenseMode
    reconfiguration_cycles: CountOrZero

    @model_validator(mode="after")
    def _room_for_fifos(self) -> SparseArray:
        need = self.rows * self.fifo_depth * self.bus_bytes
        if self.fifo_storage < need:
            raise FieldError(
                "fifo_storage",
                f"{BYTES.format(self.fifo_storage)} is too small: {self.rows} rows x fifo_depth"
                f" {self.fifo_depth} x bus_bytes {BYTES.format(self.bus_bytes)} need"
                f" {BYTES.format(need)}",
            )
        return self

    @property
    def macs(self) -> int:
        """MAC units."""
        return self.rows * self.segments * self.lanes

    @property
    def local_bytes(self) -> int:
        """Storage inside the array, part of `on_chip`."""
        return sum(self.storage.values())

    @property
    def storage(self) -> dict[str, int]:
        """Storage inside the array by name, bytes."""
        return {
            "queries": self.query_storage,
            "accumulators": self.accumulators,
            "fifos": self.fifo_storage,
        }


Array = Annotated[SystolicArray | SparseArray | ComposedArray, Field(discriminator="kind")]
