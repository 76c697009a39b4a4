"""How often a run did each action of each component, operator by operator.

Everything comes from what tasks count (`accelsim.mapping.plan.COUNTERS`), from the DRAM's schedule,
and from shapes. An operator that stands for several counts as often as it is repeated.

- MAC of a type: MACs of the array's tasks less the gated ones, which have an operand that is zero,
  see `zero_operands`.
- Register bit: operands that MACs hand on and read, sums of MAC slots, written and read.
- Storage of the array: operand bytes delivered to PEs, written once; operands of MACs, read;
  partial sums as tasks count them, half of them reads.
- Comparison, metadata bit: steps of intersection, merge and top-k; bits of masks and indices.
- Scratchpad and wires: bytes that units read and write.
- DRAM: rows opened for the operator's lines, bits of these lines, refreshes by its share of time.

Not counted: control, clock, zero bits that toggle nothing (energies are of mean activity).
"""

from __future__ import annotations

import numpy as np

from accelsim.analysis.repeats import task_repeats
from accelsim.analysis.result import Result
from accelsim.analysis.states import task_lines
from accelsim.arch.array import SparseArray, SystolicArray
from accelsim.arch.composed import ComposedArray
from accelsim.arch.dram import PartDram
from accelsim.engine.dram import refreshes
from accelsim.hardware.array import OPERAND_MOVES
from accelsim.hardware.component import Component
from accelsim.hardware.composed import operand_reads, registered_sums
from accelsim.hardware.storage import SUM_BITS
from accelsim.workload.operators import DTYPE_BITS, Attention, Matmul, Moe, Operator

Key = tuple[str, str, str]  # group, component, action
TYPES = tuple(DTYPE_BITS)


class Sums:
    """Sums of task counters by operator, repeats included: float64[operators]."""

    def __init__(self, result: Result) -> None:
        self.program, self.trace = result.program, result.trace
        self.operators = len(result.trace.operators)
        self._unit = {name: i for i, name in enumerate(result.program.units.name)}
        self._repeats = task_repeats(result.trace, result.program)
        self._lines = task_lines(result.program) - result.schedule.task_merged
        self._activates = result.schedule.task_activates

    def of(self, name: str, *units: str) -> np.ndarray:
        """A counter over the tasks of these units, or of all."""
        return self.summed(self.program.counters[name], *units)

    def lines(self, *units: str) -> np.ndarray:
        """DRAM lines that moved for tasks of these units: all but those merged with another."""
        return self.summed(self._lines, *units)

    def activates(self) -> np.ndarray:
        """Rows of DRAM opened for tasks."""
        return self.summed(self._activates)

    def summed(self, values: np.ndarray, *units: str) -> np.ndarray:
        """Values of tasks over the tasks of these units, or of all."""
        values = values * self._repeats
        if units:
            named = [self._unit[name] for name in units if name in self._unit]
            values = np.where(np.isin(self.program.unit, named), values, 0)
        return np.bincount(self.program.operator, values, self.operators)

    def macs(self) -> dict[str, np.ndarray]:
        """MACs of the array by number type."""
        own = np.array([TYPES.index(op.dtype) for op in self.trace.operators])
        code = self.program.counters["dtype"]
        dtype = np.where(code > 0, code - 1, own[self.program.operator])
        issued = self.program.counters["issued_macs"]
        return {
            TYPES[number]: self.summed(np.where(dtype == number, issued, 0))
            for number in np.unique(dtype[issued > 0]).tolist()
        }


def counts(result: Result, parts: tuple[Component, ...]) -> dict[Key, np.ndarray]:
    """Counts of every action that `parts` has, float64[operators] each.

    Parameters
    ----------
    result : Result
    parts : tuple[Component, ...]
        Of the result's architecture, see `accelsim.hardware.catalogue.components`.

    Returns
    -------
    dict
        (group, component, action) -> counts; an action that the run did not do is left out.
    """
    known = {(part.group, part.name, name) for part in parts for name in part.actions}
    found = counted(result)
    return {key: count for key, count in found.items() if key in known and count.any()}


def counted(result: Result) -> dict[Key, np.ndarray]:
    """Counts of all that is counted, also of what this machine does not have."""
    sums = Sums(result)
    return _array(result, sums) | _memory(result, sums) | _units(result, sums)


def _array(result: Result, sums: Sums) -> dict[Key, np.ndarray]:
    by_type = sums.macs()
    bits = np.zeros(sums.operators)
    for dtype, count in by_type.items():
        bits += count * float(DTYPE_BITS[dtype])
    slots = sums.of("issued_slots") * SUM_BITS
    gated = zero_operands(result)
    found: dict[Key, np.ndarray] = {}
    for dtype, count in by_type.items():
        own = np.array([op.dtype == dtype for op in result.trace.operators])
        idle = np.where(own, np.minimum(gated, count), 0)
        found["array", "MACs", f"gated MAC {dtype}"] = idle
        found["array", "MACs", f"MAC {dtype}"] = count - idle
    delivered = 8 * sums.of("delivered_bytes", "array")
    partial = 8 * sums.of("partial_bytes", "array")
    found["array", "accumulators", "bit read"] = partial / 2
    found["array", "accumulators", "bit written"] = partial / 2
    array = result.arch.array
    moved = "array", "pipeline registers", "register bit"
    if isinstance(array, SystolicArray):
        found[moved] = OPERAND_MOVES * bits + 2 * slots
        found["array", "stationary operands", "bit written"] = delivered
        found["wires", "between PEs", "bit"] = bits + slots
    elif isinstance(array, SparseArray):
        found[moved] = 2 * slots / array.lanes
        found["wires", "between PEs", "bit"] = slots
        found["array", "query storage", "bit read"] = bits
        found["array", "row FIFOs", "bit written"] = delivered
        found["array", "row FIFOs", "bit read"] = bits
        found["array", "row matching", "comparison"] = sums.of("metadata_bits", "array")
        found["array", "bus multiplexers", "bit"] = delivered
    else:
        found[moved] = bits + 2 * slots * registered_sums(array)
        found["wires", "between PEs", "bit"] = slots
        found["array", "product switch", "bit"] = slots
        found |= _composed(array, sums, delivered, bits)
    return found


def zero_operands(result: Result) -> np.ndarray:
    """MACs of every operator that are executed with a zero operand, float64[operators].

    Of what is issued and not effectual: all of a product and of experts, and in attention the
    value half, whose probabilities are zero where a mask says so. Scores outside a mask have
    operands like any other. Where the selection comes from the scores or a predictor, a machine
    may compute exact attention, and nothing is taken as zero. Wanted outputs (SDDMM) neither.
    """
    table = result.operators
    rest = table["issued_macs"] - table["overhead_macs"] - table["effectual_macs"]
    share = np.array([_zero_share(op) for op in result.trace.operators])
    return np.maximum(rest.to_numpy(float), 0) * share


def _zero_share(op: Operator) -> float:
    if isinstance(op, Attention):
        known = op.selection in ("static", "model", "oracle")
        return op.d_v / (op.d_qk + op.d_v) if known else 0.0
    if isinstance(op, Matmul):
        return float(op.output_pattern is None)
    return float(isinstance(op, Moe))


def _composed(
    array: ComposedArray, sums: Sums, delivered: np.ndarray, bits: np.ndarray
) -> dict[Key, np.ndarray]:
    decoded = sums.of("metadata_bits", "array")
    compares = "merge" if array.merge.kind not in ("none", "dense", "banks") else "intersection"
    return {
        ("array", "operand storage", "bit written"): delivered + decoded,
        ("array", "operand storage", "bit read"): operand_reads(array) * bits,
        ("array", compares, "comparison"): sums.of("operations", "array"),
        ("array", "metadata decoders", "metadata bit"): decoded,
        ("array", "network", "bit"): delivered + decoded,
    }


def _memory(result: Result, sums: Sums) -> dict[Key, np.ndarray]:
    line = 8 * result.arch.dram.line
    read, written = 8 * sums.of("read_bytes"), 8 * sums.of("write_bytes")
    loaded, stored = sums.lines("load") * line, sums.lines("store") * line
    share = result.operators["time_ps"].to_numpy(float) / max(1, result.total_ps)
    return {
        ("scratchpad", "banks", "bit read"): read,
        ("scratchpad", "banks", "bit written"): written,
        ("scratchpad", "bank queues", "bit"): 8 * sums.of("write_bytes", "load"),
        ("scratchpad", "switch of the load", "bit"): 8 * sums.of("write_bytes", "load"),
        ("scratchpad", "switch of the array", "bit"): 8 * sums.of("read_bytes", "array"),
        ("scratchpad", "switch of the scatter", "bit"): 8
        * (sums.of("read_bytes", "scatter") + sums.of("write_bytes", "scatter")),
        ("wires", "scratchpad to units", "bit"): read + written,
        ("wires", "along the array", "bit"): 8 * sums.of("read_bytes", "array"),
        ("DRAM", "devices", "activate"): sums.activates(),
        ("DRAM", "devices", "bit read"): loaded,
        ("DRAM", "devices", "bit written"): stored,
        ("DRAM", "devices", "refresh"): refreshed(result) * share,
    }


def refreshed(result: Result) -> int:
    """Refresh commands in the total time; figures of the simple level do not say how many."""
    given = result.arch.dram
    if not isinstance(given, PartDram):
        return 0
    vector = given.running.vector
    return refreshes(vector, given.channels, given.clock_ps, result.total_ps)


def _units(result: Result, sums: Sums) -> dict[Key, np.ndarray]:
    gathered, twice = sums.of("gathered_lines"), sums.of("duplicate_lines")
    hits, line = sums.of("cache_hits"), 8 * result.arch.dram.line
    added = sums.of("operations", "scatter")
    found = {
        ("vector", "lanes", "lane operation"): sums.of("operations", "vector"),
        ("index", "comparators", "comparison"): sums.of("operations", "index"),
        ("index", "decoders", "metadata bit"): sums.of("metadata_bits", "index"),
        ("index", "union window", "bit written"): sums.of("metadata_bits", "index"),
        ("gather", "tags of reads", "line"): sums.lines("load"),
        ("gather", "address counters", "line"): sums.lines("load"),
        ("gather", "duplicate window", "look-up"): gathered + twice,
        ("store", "tags of writes", "line"): sums.lines("store"),
        ("scatter", "adders", "addition"): added,
        ("scatter", "conflict queues", "bit"): added * SUM_BITS,
    }
    if result.arch.load.cache is not None:
        found["gather", "cache", "look-up"] = gathered + hits
        found["gather", "cache", "bit read"] = hits * line
        found["gather", "cache", "bit written"] = gathered * line
    return found
