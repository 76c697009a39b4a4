"""How an operand is stored: values of `value_bits` and metadata that says where they belong.

Bits that depend on nothing but shape and count of nonzeros are counted here; padding zeros of a
run-length code depend on the real positions and come from `accelsim.kernels.run_length`.
"""

from __future__ import annotations

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.arch.units import Count
from accelsim.config.record import FieldError, Spec


class DenseFormat(Spec):
    """Every value, no metadata."""

    kind: Literal["dense"]

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """No metadata."""
        return 0


class Bitmap(Spec):
    """A bit a position; nonzero values packed. `chunk` : positions that are decoded at once.

    Attributes
    ----------
    decode_bits_per_cycle : int, optional
        Bits of the map that a decoder takes in a cycle; without it, no decoder is in the way.
    """

    kind: Literal["bitmap"]
    chunk: Count = 64
    decode_bits_per_cycle: Count | None = None

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """One bit a position, rows padded to whole chunks."""
        return rows * -(-columns // self.chunk) * self.chunk


class Compressed(Spec):
    """CSR or CSC: an index a nonzero and a pointer a row (CSR) or column (CSC).

    The mapping reads along whichever way the dataflow goes; the kind only says which pointers
    are stored.

    Attributes
    ----------
    index_bits : int
        Width of the index of a nonzero.
    pointer_bits : int
        Width of the pointer of a row (CSR) or column (CSC).
    decode_bits_per_cycle : int, optional
        Bits of metadata that a decoder takes in a cycle; without it, no decoder is in the way.
    """

    kind: Literal["csr", "csc"]
    index_bits: Count
    pointer_bits: Count = 32
    decode_bits_per_cycle: Count | None = None

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """Index bits of every nonzero, and the pointers."""
        fibers = rows if self.kind == "csr" else columns
        return nonzeros * self.index_bits + (fibers + 1) * self.pointer_bits


class RunLength(Spec):
    """Zeros before each value in `bits`; a longer run takes a padding zero (EIE, SCNN).

    Attributes
    ----------
    bits : int
        Width of the count of zeros before a value.
    decode_bits_per_cycle : int, optional
        Bits of metadata that a decoder takes in a cycle; without it, no decoder is in the way.
    """

    kind: Literal["run_length"]
    bits: Annotated[int, Field(strict=True, ge=1, le=16)]
    decode_bits_per_cycle: Count | None = None

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """`bits` a stored value; `nonzeros` must include the padding zeros."""
        return nonzeros * self.bits


class Level(Spec):
    """At most `n` of every `m` are kept.

    Attributes
    ----------
    n : int
        Values, or groups of the next level, that are kept.
    m : int
        Of so many.
    """

    n: Count
    m: Count

    @model_validator(mode="after")
    def _some_of_m(self) -> Level:
        if self.n > self.m:
            raise FieldError("n", f"{self.n} of {self.m} cannot be kept, expected n <= m")
        return self


class NOfM(Spec):
    """At most n of m, level by level, the outermost first (HighLight nests two).

    `variable` : a lower n of the innermost level than given is used when the whole operand fits
    it (S2TA's time-unrolled arrays).
    """

    kind: Literal["nm"]
    levels: tuple[Level, ...] = Field(min_length=1)
    variable: Annotated[bool, Field(strict=True)] = False

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """An offset for every slot of every level (2:4 takes 2 bits a kept value)."""
        bits, units = 0, rows * columns
        for level in reversed(self.levels):
            bits += -(-units // level.m) * level.n * max(1, (level.m - 1).bit_length())
            units = -(-units // level.m)
        return bits

    @property
    def span(self) -> int:
        """Positions of one outermost group."""
        return prod(level.m for level in self.levels)


class BlockFormat(Spec):
    """Blocks of `rows` x `columns` that hold a nonzero, with an index each.

    Attributes
    ----------
    rows, columns : int
        Size of a block.
    index_bits : int
        Width of the index of a block.
    """

    kind: Literal["block"]
    rows: Count
    columns: Count
    index_bits: Count

    def metadata_bits(self, rows: int, columns: int, nonzeros: int) -> int:
        """An index a block; `nonzeros` must be the values of whole blocks."""
        return -(-nonzeros // (self.rows * self.columns)) * self.index_bits


Format = Annotated[
    DenseFormat | Bitmap | Compressed | RunLength | NOfM | BlockFormat,
    Field(discriminator="kind"),
]


class Formats(Spec):
    """Of the left operand, the right one and the result.

    `value_bits` : width of a stored value; without it, that of the operator's type.
    """

    value_bits: Count | None = None
    a: Format
    b: Format
    c: Format
