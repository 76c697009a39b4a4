"""Multiply-accumulates by number type, from the adders and multipliers that a table has.

What a table has is taken as it is. What it lacks is derived, and says how:

- integer adders go linearly with bits, integer multipliers with their square;
- floating-point adders go linearly with significand bits (fp32 / fp16 is 24 / 11 = 2.2; the tables
  say 2.3 and 2.4);
- floating-point multipliers go with significand bits to the power 1.5, range 1 to 2 (the tables'
  bf16, fp16 and fp32 say 1.5 to 1.7);
- a block of 32 values of an MX type adds its two 8-bit scales once.

Integers are accumulated in int32, everything else in fp32, unless asked for otherwise. Registers
and wires of an array are not in a MAC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

from accelsim.cost.figure import Figure, total
from accelsim.cost.table import CostTable, Quantity
from accelsim.errors import InputError, unknown_name

MX_BLOCK = 32  # values that share a scale, OCP Microscaling Formats v1.0
POWER, LEAST_POWER, MOST_POWER = 1.5, 1.0, 2.0
NOT_GATED = 1.0  # of a MAC: what one with a zero operand costs at most


class NumberType(NamedTuple):
    """`size` : bits of an integer, or of a significand with its hidden bit."""

    is_float: bool
    size: int
    shares_scale: bool = False


NUMBER_TYPES: Mapping[str, NumberType] = {
    "int4": NumberType(False, 4),
    "int8": NumberType(False, 8),
    "int16": NumberType(False, 16),
    "int32": NumberType(False, 32),
    "fp8": NumberType(True, 4),  # E4M3
    "bf16": NumberType(True, 8),
    "fp16": NumberType(True, 11),
    "fp32": NumberType(True, 24),
    "mxint8": NumberType(False, 8, True),
    "mxfp8": NumberType(True, 4, True),  # E4M3
    "mxfp6": NumberType(True, 4, True),  # E2M3
    "mxfp4": NumberType(True, 2, True),  # E2M1
}
Operation = Literal["add", "mult"]


def mac(
    table: CostTable, dtype: str, quantity: Quantity = "energy", accumulate: str | None = None
) -> Figure:
    """Energy (pJ) or area (um2) of one multiply-accumulate.

    Parameters
    ----------
    table : CostTable
    dtype : str
        Of the operands: a key of `NUMBER_TYPES`.
    quantity : str
        ``energy`` or ``area``.
    accumulate : str, optional
        Type of the sum; by default int32 or fp32.

    Raises
    ------
    InputError
        An unknown type, or a table without any adder or multiplier of its kind.
    """
    kind = _kind(dtype)
    sums = accumulate or sum_type(dtype)
    parts = [
        arithmetic(table, dtype, "mult", quantity),
        arithmetic(table, sums, "add", quantity),
    ]
    if kind.shares_scale:
        scale = arithmetic(table, "int8", "add", quantity)
        parts.append(scale.times(1 / MX_BLOCK, f"scales of a block of {MX_BLOCK}"))
    return total(parts, f"{dtype} multiplication and {sums} addition")


def gated_mac(table: CostTable, dtype: str) -> Figure:
    """Energy of a MAC whose operand is zero and whose inputs are held, pJ.

    The share of a MAC is that of int8 in the table; for other types it is assumed to be the same.
    The high end is a MAC that is not gated: measured on a GPU, half of an operand being zero saves
    2 % of a product's energy (docs/cost_tables.md).

    Raises
    ------
    InputError
        As `mac`; also a table without `gated_share`.
    """
    share = table.file.gated_share
    if share is None:
        raise InputError("'gated_share' is missing", where=f"cost table {table.name}")
    whole = mac(table, dtype)
    why = f"gated: {share:g} of a MAC (int8, Accelergy 45 nm); high: not gated"
    return whole.between(share, share, NOT_GATED, why, "assumed")


def arithmetic(
    table: CostTable, dtype: str, operation: Operation, quantity: Quantity = "energy"
) -> Figure:
    """Energy (pJ) or area (um2) of an adder or a multiplier; see the module for what is derived.

    Raises
    ------
    InputError
        An unknown type, or a table without any of its kind.
    """
    kind = _kind(dtype)
    own = f"{dtype}_{operation}"
    if table.has(own, quantity):
        return table.figure(own, quantity)
    near, of = _nearest(table, kind, operation, quantity, own)
    figure, ratio = table.figure(near, quantity), kind.size / of.size
    if not kind.is_float:
        power = 2 if operation == "mult" else 1
        return figure.times(ratio**power, f"{own}: {near} x (bits ratio {ratio:.3g})^{power}")
    if operation == "add":
        return figure.times(ratio, f"{own}: {near} x significand ratio {ratio:.3g}")
    if ratio == 1:
        return figure
    low, high = sorted((ratio**LEAST_POWER, ratio**MOST_POWER))
    why = f"{own}: {near} x (significand ratio {ratio:.3g})^{POWER:g}, range ^{LEAST_POWER:g} to ^2"
    return replace(figure.between(ratio**POWER, low, high, why, "assumed"), range_known=False)


def sum_type(dtype: str) -> str:
    """Type in which products are summed."""
    return "fp32" if _kind(dtype).is_float else "int32"


def _kind(dtype: str) -> NumberType:
    if dtype not in NUMBER_TYPES:
        raise unknown_name("number type", dtype, NUMBER_TYPES)
    return NUMBER_TYPES[dtype]


def _nearest(
    table: CostTable, kind: NumberType, operation: Operation, quantity: Quantity, wanted: str
) -> tuple[str, NumberType]:
    """The action of the nearest size that the table has; the larger of two equally near."""
    known = {
        f"{name}_{operation}": other
        for name, other in NUMBER_TYPES.items()
        if other.is_float == kind.is_float and table.has(f"{name}_{operation}", quantity)
    }
    if not known:
        family = "floating-point" if kind.is_float else "integer"
        raise InputError(
            f"'{wanted}' is missing, and no {family} {operation} has its {quantity}",
            where=f"cost table {table.name}", remedy=f"give '{wanted}' in actions",
        )  # fmt: skip
    near = min(known, key=lambda name: (abs(math.log(known[name].size / kind.size)),
                                        -known[name].size))  # fmt: skip
    return near, known[near]
