"""An architecture as a drawing in text, and what is modelled of it and what is not.

What a part leaves out is said once, in the docstring of the module that models it, after "Not
modelled:"; it is read from there.
"""

from __future__ import annotations

import ast
from pathlib import Path

from accelsim.arch.composed import ComposedArray
from accelsim.arch.equal import array_shape
from accelsim.arch.spec import Arch
from accelsim.arch.units import BYTES, BYTES_PER_SECOND

_PACKAGE = Path(__file__).parents[1]
_KERNELS = {
    "inner": "inner",
    "gustavson": "gustavson",
    "outer": "outer",
    "condensed_outer": "outer",
    "cartesian": "cartesian",
    "structured": "structured",
    "flexible": "flexible",
    "flexible_serial": "flexible_serial",
    "row_split": "row_split",
    "broadcast": "broadcast",
    "systolic": "systolic",
    "sparse": "multicast",
}
MODELLED = (
    "array compute and feed, port shares, load and store queues, DRAM (level request: every"
    " command, queue and refresh; level train: the same, but contiguous pieces of 1 KiB and"
    " more that meet no shorter ones at a pace; level simple: bursts, activates, a share for"
    " refresh), claims on scratchpad bytes, dispatch"
)
NOT_MODELLED = "interconnect between units, DRAM power-down, thermals"
COSTS_NOT_MODELLED = (
    "control and dispatch, losses of placement and routing, repeaters and area of wires,"
    " other voltages and clocks than the table's, power gating, temperature"
)


def drawing(arch: Arch) -> list[str]:
    """The machine from DRAM to array, a line a part."""
    d, load, store, pad = arch.dram, arch.load, arch.store, arch.scratchpad
    cache = "" if load.cache is None else f", {load.cache.policy} cache {_size(load.cache.size)}"
    share = pad.shares.array
    return [
        f"DRAM  {BYTES_PER_SECOND.format(d.bandwidth)}, {d.channels} channels, level {d.level}",
        "  |                                      ^",
        f"load  {load.engines} engines, {load.outstanding:,} lines in flight{cache}"
        f"  |  store  {store.outstanding:,} lines in flight",
        "  v                                      |",
        f"scratchpad  {_size(arch.scratchpad_bytes)}, {pad.banks} banks x {pad.bank_bytes} B",
        f"  |  {share.read:,} B a cycle to the array, {share.write:,} B back",
        "  v",
        *_array(arch),
        "  |",
        f"vector  {arch.vector.lanes} lanes"
        + ("" if arch.index is None else f"  |  index  {arch.index.compares_per_cycle} compares")
        + ("" if arch.scatter is None else f"  |  scatter  {arch.scatter.banks} banks"),
    ]


def _array(arch: Arch) -> list[str]:
    array = arch.array
    if not isinstance(array, ComposedArray):
        return [f"array  {array.kind} {array_shape(arch)}, {array.macs:,} MACs"]
    forms, noc, pes = array.formats, array.noc, array.pe_array
    flows = " or ".join(flow.kind for flow in array.dataflows)
    width = "" if array.intersect.width is None else f" {array.intersect.width} wide"
    shared = "" if noc.shared == "none" else f", {noc.shared} to all PEs at once"
    figures = [f"{name} {value}" for name, value in array.merge.model_dump().items()][1:]
    merge = ", ".join([array.merge.kind, *figures])
    return [
        f"operands  a {forms.a.kind}, b {forms.b.kind}",
        f"  v  {noc.kind}: {noc.load_words} + {noc.stream_words} words a cycle{shared}",
        f"intersect  {array.intersect.kind}{width}",
        f"  v  dataflow {flows}; balance {array.balance.kind}",
        f"PEs  {pes.pes:,} x {pes.lanes} lanes = {array.macs:,} MACs, zeros {pes.zeros}",
        f"  v  reduce {array.reduce.kind}, {array.reduce.latency_cycles} cycles",
        f"merge  {merge}",
        f"  v  result {forms.c.kind}",
    ]


def _size(size: int) -> str:
    return BYTES.format(size)


def not_modelled(arch: Arch) -> list[tuple[str, str]]:
    """(part, what is left out) for the array's dataflows, the mapping, memory, area and energy."""
    array = arch.array
    kinds: list[str] = [array.kind]
    if isinstance(array, ComposedArray):
        kinds = [flow.kind for flow in array.dataflows]
    parts = {kind: f"kernels/{_KERNELS[kind]}.py" for kind in kinds if kind in _KERNELS}
    if isinstance(array, ComposedArray):
        parts |= {"balance": "kernels/balance.py", "products": "mapping/composed_matmul.py"}
    else:
        parts["products"] = "mapping/matmul.py"
    parts["gather"] = "mapping/gathering.py"
    found = [(name, _said(_PACKAGE / path)) for name, path in parts.items()]
    made = "composed" if isinstance(array, ComposedArray) else "array"
    costs = f"{_said(_PACKAGE / f'hardware/{made}.py')}; {COSTS_NOT_MODELLED}"
    return [
        *((name, text) for name, text in found if text),
        ("area and energy", costs),
        ("machine", NOT_MODELLED),
    ]


def _said(path: Path) -> str:
    """What a module's docstring says after "Not modelled:", in one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    _, mark, rest = text.partition("Not modelled:")
    return " ".join(rest.split("\n\n")[0].split()).rstrip(".") if mark else ""
