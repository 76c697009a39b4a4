"""Changes of several fields together: ports for sweeps, a whole machine for a fair comparison."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES
from accelsim.errors import InputError

# What a machine takes whole from the one that it is made equal to.
_TAKEN = ("clock", "mac_rate", "on_chip", "vector", "store", "control", "dram")
_TAKEN_OF = {
    "load": ("engines", "outstanding", "tag_bytes", "lines_per_cycle", "crossing",
             "return_bytes_per_cycle"),
    "mapping": ("chunk", "prefetch", "activation_storage", "placement"),
    "scratchpad": ("banks", "bank_bytes", "read_ports", "write_ports", "queue_depth"),
}  # fmt: skip
_INDEX_RATES = ("compares_per_cycle", "bitmap_bits_per_cycle", "csr_nonzeros_per_cycle")


def scaled_to(arch: Arch, like: Arch) -> Arch:
    """A published machine with the MACs, clock, on-chip bytes, ports and DRAM of another.

    The PEs keep their lanes and become as many as give the other's MACs; with them grow, or
    shrink, what is one a PE or feeds all of them: operand storage, accumulators, words of the
    network, and the rates and ports of the index unit, these as far as the other's ports leave
    room. Formats, dataflows, merge, balance, latencies, gathers and caches stay its own.

    Parameters
    ----------
    arch, like : Arch

    Raises
    ------
    InputError
        `arch` is no composed array, its lanes do not divide the other's MACs, or the storage that
        comes with so many PEs does not fit.
    """
    if arch.array.kind != "composed":
        raise InputError("only a composed array is scaled", where=arch.name)
    lanes = arch.array.pe_array.lanes
    if like.array.macs % lanes:
        what = f"PEs of {lanes} lanes do not make up the {like.array.macs:,} MACs of {like.name}"
        raise InputError(what, where=arch.name)
    pes = like.array.macs // lanes
    factor = Fraction(pes, arch.array.pe_array.pes)
    data, other = arch.model_dump(mode="json"), like.model_dump(mode="json")
    data |= {key: other[key] for key in _TAKEN}
    for record, keys in _TAKEN_OF.items():
        data[record] |= {key: other[record][key] for key in keys}
    array = data["array"]
    array["pe_array"]["pes"] = pes
    for words in ("load_words", "stream_words"):
        array["noc"][words] = math.ceil(array["noc"][words] * factor)
    for storage in ("operand_storage", "accumulators"):
        array[storage] = BYTES.format(math.ceil(getattr(arch.array, storage) * factor))
    if data["index"] is not None:
        rates = {name: math.ceil(data["index"][name] * factor) for name in _INDEX_RATES}
        data["index"] |= rates
    data["scratchpad"]["shares"] = _shares(arch, like, factor)
    data["name"] = f"{arch.name} (scaled)"
    data["description"] = f"{arch.description}; scaled to the MACs and bandwidth of {like.name}"
    try:
        return Arch.model_validate(data)
    except ValidationError as error:
        what = str(error.errors()[0]["msg"])
        raise InputError(f"cannot be scaled to {like.name}: {what}", where=arch.name) from None


def _shares(arch: Arch, like: Arch, factor: Fraction) -> dict[str, Any]:
    """The other's shares; index and scatter units get their own x factor of what these leave."""
    pad = like.scratchpad
    found = {u: {"read": s.read, "write": s.write} for u, s in pad.shares.of_units().items()}
    whole = {"read": pad.read_bytes_per_cycle, "write": pad.write_bytes_per_cycle}
    for unit in ("index", "scatter"):
        found.pop(unit, None)
    left = {way: size - sum(share[way] for share in found.values()) for way, size in whole.items()}
    own = arch.scratchpad.shares.of_units()
    wanted = {u: own[u] for u in ("index", "scatter") if getattr(arch, u) is not None}
    for unit, share in wanted.items():
        asked = {way: math.ceil(getattr(share, way) * factor) for way in whole}
        found[unit] = {way: min(size, left[way] // len(wanted)) for way, size in asked.items()}
    return {
        unit: {way: BYTES.format(size) for way, size in share.items()}
        for unit, share in found.items()
    }


def port_settings(arch: Arch, factor: float | Fraction) -> list[tuple[str, str | int]]:
    """Settings that multiply the scratchpad's bytes a cycle, with every share in proportion.

    Changing the banks alone would leave the shares, and so the result, as they are. The way back
    of the load and the lines of the store shrink where their share no longer carries them.

    Returns
    -------
    list[tuple[str, str | int]]
        Paths and values; whole bytes of a bank, rounded down, and so the shares.
    """
    pad = arch.scratchpad
    bank_bytes = int(pad.bank_bytes * Fraction(str(factor)))
    times = Fraction(bank_bytes, pad.bank_bytes)
    settings: list[tuple[str, str | int]] = [("scratchpad.bank_bytes", f"{bank_bytes} B")]
    for unit, share in pad.shares.of_units().items():
        for way in ("read", "write"):
            size = int(getattr(share, way) * times)
            settings.append((f"scratchpad.shares.{unit}.{way}", f"{size} B"))
    back = min(arch.load.return_bytes_per_cycle, int(pad.shares.load.write * times))
    carried = int(pad.shares.store.read * times) // arch.dram.line
    lines = max(1, min(arch.store.lines_per_cycle, carried))
    return [
        *settings, ("load.return_bytes_per_cycle", f"{back} B"), ("store.lines_per_cycle", lines)
    ]  # fmt: skip


def port_overrides(arch: Arch, factor: float | Fraction) -> list[str]:
    """`port_settings` as overrides for `load_arch(name, overrides)`."""
    return [f"{path}={value}" for path, value in port_settings(arch, factor)]
