"""Bytes of a stored index: a kept key, a row of a table, a result of a top-k.

They do not depend on the type of the data, so they weigh the more the narrower that is.
"""

from __future__ import annotations

from accelsim.errors import InputError
from accelsim.mapping.machine import Core

WIDE_BITS = 32


def index_bytes(core: Core, positions: int, default_bits: int = WIDE_BITS) -> int:
    """Bytes of one stored index of so many positions.

    Parameters
    ----------
    core : Core
        Its `mapping.index_bits`; "auto" is `default_bits`.
    positions : int
        What an index tells apart.
    default_bits : int

    Raises
    ------
    InputError
        An index is too narrow for the positions.
    """
    stated = core.index_bits
    bits = default_bits if stated == "auto" else stated
    if positions > 1 << bits:
        raise InputError(
            f"{bits} bits cannot tell {positions:,} positions apart",
            where=f"{core.name}: mapping.index_bits",
            remedy="--set mapping.index_bits=32",
        )
    return bits // 8


def key_index_bytes(core: Core, keys: int) -> int:
    """Bytes of the index of a kept key: 16 bits where they reach, unless another width is set."""
    return index_bytes(core, keys, 16 if keys <= 1 << 16 else WIDE_BITS)
