"""The dataflows of a composed array: C[M, N] = A[M, K] x B[K, N], one record each.

What `accelsim.mapping.dataflows` has an entry for, and no more: the kind of the record names it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.arch.units import Count
from accelsim.config.record import FieldError, Spec

Switch = Annotated[bool, Field(strict=True)]


class Inner(Spec):
    """A work item is an output row: the row of A meets every column of B (or the kept ones).

    `micro_tile` : with it, only nonempty tiles of so many rows, K and columns meet (ExTensor);
    `memory_depth` : K of the tiles that memory holds; sums between them leave the chip.
    """

    kind: Literal["inner"]
    micro_tile: Count | None = None
    memory_depth: Count | None = None

    @model_validator(mode="after")
    def _tiles_nest(self) -> Inner:
        if (self.micro_tile is None) != (self.memory_depth is None):
            raise FieldError("memory_depth", "goes with micro_tile: expected both or neither")
        if self.micro_tile and self.memory_depth and self.memory_depth % self.micro_tile:
            raise FieldError(
                "memory_depth",
                f"{self.memory_depth} is no multiple of micro_tile {self.micro_tile}",
            )
        return self


class Gustavson(Spec):
    """A work item is an output row: rows of B that the row of A names are scaled and merged."""

    kind: Literal["gustavson"]


class Quantum(Spec):
    """`a_per_cycle` values of a column of A times `b_per_cycle` of a row of B in a cycle.

    Attributes
    ----------
    a_per_cycle, b_per_cycle : int
        Values of either operand that meet in a cycle; all their products are made.
    """

    a_per_cycle: Count
    b_per_cycle: Count

    @property
    def lanes(self) -> int:
        """Multipliers that work on one quantum."""
        return self.a_per_cycle * self.b_per_cycle


class Outer(Quantum):
    """A work item is one k: column k of A times row k of B; the products are merged afterwards.

    `condensed` : the columns are those of A pushed to the left, its c-th nonzeros (SpArch).
    """

    kind: Literal["outer"]
    condensed: Switch = False


class CondensedOuter(Quantum):
    """Outer products of bitmap-condensed columns and rows, output tile by output tile (DSTC).

    Attributes
    ----------
    tile_rows, tile_columns : int
        Size of the output tile whose sums stay in the array.
    """

    kind: Literal["condensed_outer"]
    tile_rows: Count
    tile_columns: Count


class Cartesian(Quantum):
    """All products of two vectors of nonzeros, sent to accumulator banks (SCNN).

    `tile_columns` : columns of C that the banks of a PE hold at once; PEs meet after each.
    """

    kind: Literal["cartesian"]
    tile_columns: Count


class Structured(Spec):
    """Dense tiles of `rows` x `columns` outputs and `depth` kept values; zeros by N:M of `sparse`.

    `sparse` : which operand is stored N:M. One that does not fit its pattern runs dense.

    Attributes
    ----------
    rows, columns : int
        Outputs of a tile.
    depth : int
        Kept values of a dot product that a tile takes in a cycle.
    """

    kind: Literal["structured"]
    sparse: Literal["a", "b"]
    rows: Count
    columns: Count
    depth: Count


class Flexible(Spec):
    """Nonzeros of the stationary operand fill the multipliers, the other is streamed (SIGMA).

    `overlap_load` : the next fold's values load behind the present stream.

    Attributes
    ----------
    stationary : str
        The operand that is held; "auto" takes the faster per operator.
    """

    kind: Literal["flexible"]
    stationary: Literal["a", "b", "auto"]
    overlap_load: Switch


class FlexibleSerial(Spec):
    """SIGMA as STONNE runs it: serial iterations, `ports` for distribution, shared `lines`.

    Attributes
    ----------
    stationary : str
        The operand that is held.
    ports : int
        Values that are distributed in a cycle.
    lines : int
        Lines by which sums are collected.
    """

    kind: Literal["flexible_serial"]
    stationary: Literal["a", "b"]
    ports: Count
    lines: Count


class RowSplit(Spec):
    """Kept positions of a row, cut into segments, share rows of PEs (Sanger).

    `segment` : columns that one row of PEs can reach; `packing` : ``split_only``, or ``packed``
    (what is left of several segments of a row shares a row of PEs).
    """

    kind: Literal["row_split"]
    segment: Count
    packing: Literal["split_only", "packed"]


class Broadcast(Spec):
    """Nonzeros of A are broadcast in turn; every PE owns some columns of C (EIE).

    `queue_depth` : nonzeros that a PE may lag behind.
    """

    kind: Literal["broadcast"]
    queue_depth: Count


class GatherReduce(Spec):
    """Rows of B that a row of A names are gathered and summed, a vector at a time (SparseCore)."""

    kind: Literal["gather_reduce"]


Dataflow = Annotated[
    Inner
    | Gustavson
    | Outer
    | CondensedOuter
    | Cartesian
    | Structured
    | Flexible
    | FlexibleSerial
    | RowSplit
    | Broadcast
    | GatherReduce,
    Field(discriminator="kind"),
]
