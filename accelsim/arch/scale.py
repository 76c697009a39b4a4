"""Overrides that change several fields together, for sweeps and what-ifs."""

from __future__ import annotations

from fractions import Fraction

from accelsim.arch.spec import Arch


def port_overrides(arch: Arch, factor: float | Fraction) -> list[str]:
    """Overrides that multiply the scratchpad's bytes a cycle, with every share in proportion.

    Changing the banks alone would leave the shares, and so the result, as they are. The way back
    of the load and the lines of the store shrink where their share no longer carries them.

    Returns
    -------
    list[str]
        For `load_arch(name, overrides)`; whole bytes, rounded down.
    """
    times = Fraction(str(factor))
    pad = arch.scratchpad
    overrides = [f"scratchpad.bank_bytes={int(pad.bank_bytes * times)} B"]
    for unit, share in pad.shares.of_units().items():
        for way in ("read", "write"):
            size = int(getattr(share, way) * times)
            overrides.append(f"scratchpad.shares.{unit}.{way}={size} B")
    back = min(arch.load.return_bytes_per_cycle, int(pad.shares.load.write * times))
    carried = int(pad.shares.store.read * times) // arch.dram.line
    overrides.append(f"load.return_bytes_per_cycle={back} B")
    overrides.append(f"store.lines_per_cycle={max(1, min(arch.store.lines_per_cycle, carried))}")
    return overrides
