"""A sparse PE array composed of records: formats, dataflow, intersection, merge, balance, ...

The remaining records of a machine stand beside the array: gather and scatter units, buffers and
DRAM are `load`, `scatter`, `scratchpad` and `dram` of the architecture.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from accelsim.arch.dataflows import Dataflow, Quantum
from accelsim.arch.formats import Formats, NOfM
from accelsim.arch.units import BytesOrZero, Count, CountOrZero
from accelsim.config.record import FieldError, Spec


class Intersect(Spec):
    """How two fibers find their common coordinates.

    ``none``; ``two_finger`` (a coordinate a step); ``skip_ahead`` (a step jumps to the other's
    coordinate); ``leader_follower`` (A's coordinates are looked up in B); ``bitmap`` (`width`
    positions at once); ``nm_mux`` (a multiplexer picks from each group).

    Attributes
    ----------
    width : int, optional
        Of kind bitmap: positions that are looked at in a cycle, a power of two from 16 on.
    """

    kind: Literal["none", "two_finger", "skip_ahead", "leader_follower", "bitmap", "nm_mux"]
    width: Count | None = None

    @model_validator(mode="after")
    def _width_of_bitmaps(self) -> Intersect:
        if (self.kind == "bitmap") != (self.width is not None):
            raise FieldError("width", "is for kind bitmap, and needed there: positions at once")
        if self.width is not None and (self.width < 16 or self.width & (self.width - 1)):
            raise FieldError("width", f"{self.width} is no power of two from 16 on")
        return self


class NoMerge(Spec):
    """Sums meet in the PE that makes them."""

    kind: Literal["none"]


class RadixMerge(Spec):
    """A merger of `radix` fibers, `elements_per_cycle` of its inputs a cycle (GAMMA).

    Attributes
    ----------
    radix : int
        Fibers that are merged at once.
    elements_per_cycle : int
        Elements of them that enter in a cycle.
    """

    kind: Literal["radix"]
    radix: Annotated[int, Field(strict=True, ge=2)]
    elements_per_cycle: Count = 1


class QueueMerge(Spec):
    """`queues` sorting queues of `elements` each in a PE (MatRaptor).

    Attributes
    ----------
    queues : int
        Sorting queues of a PE.
    elements : int
        Sums that a queue holds; what does not fit leaves the PE.
    """

    kind: Literal["queues"]
    queues: Annotated[int, Field(strict=True, ge=2)]
    elements: Count


class HashMerge(Spec):
    """A hash table of `slots` sums in a PE, a probe a cycle.

    Attributes
    ----------
    slots : int
        Entries of the table, a power of two.
    """

    kind: Literal["hash"]
    slots: Count

    @field_validator("slots")
    @classmethod
    def _power_of_two(cls, slots: int) -> int:
        if slots & (slots - 1):
            raise ValueError(f"{slots} is no power of two")
        return slots


class DenseMerge(Spec):
    """A row of `slots` sums in a PE, `drain_per_cycle` of them leave a cycle.

    Attributes
    ----------
    slots : int
        Columns of C whose sums are held; a wider C takes several passes.
    drain_per_cycle : int
        Sums that leave in a cycle when a row is done.
    """

    kind: Literal["dense"]
    slots: Count
    drain_per_cycle: Count


class TwoPhaseMerge(Spec):
    """Products are written out and merged in a second phase, `radix` lists at once.

    `order` : rows by rows of C (OuterSPACE), or whole partial matrices in Huffman order (SpArch).

    Attributes
    ----------
    radix : int
        Lists that are merged at once in the second phase.
    elements_per_cycle : int
        Elements of them that enter in a cycle.
    """

    kind: Literal["two_phase"]
    radix: Annotated[int, Field(strict=True, ge=2)]
    elements_per_cycle: Count
    order: Literal["rows", "huffman"] = "rows"


class BankMerge(Spec):
    """`banks` of accumulators a PE, each adds one product a cycle and queues `queue_depth`.

    Attributes
    ----------
    banks : int
        Accumulator banks of a PE.
    queue_depth : int
        Products that wait at a bank.
    """

    kind: Literal["banks"]
    banks: Count
    queue_depth: Count


Merge = Annotated[
    NoMerge | RadixMerge | QueueMerge | HashMerge | DenseMerge | TwoPhaseMerge | BankMerge,
    Field(discriminator="kind"),
]


class Reduce(Spec):
    """How the products of one output meet, and how long the last of a fold takes.

    Attributes
    ----------
    latency_cycles : int
        From the last product of a fold to its sum.
    """

    kind: Literal["none", "systolic_column", "adder_tree", "segmented_tree"]
    latency_cycles: CountOrZero = 0


class PeArray(Spec):
    """`pes` units that take work items of their own, `lanes` multipliers in each.

    `zeros` : ``skip`` saves the cycle of a zero operand, ``gate`` only its energy.

    Attributes
    ----------
    pes : int
        Processing elements.
    lanes : int
        Multipliers of each.
    """

    pes: Count
    lanes: Count
    zeros: Literal["skip", "gate"] = "skip"


class Balance(Spec):
    """Which PE takes which work item.

    ``static`` (`assign`: in blocks, or round robin), ``greedy`` (longest first, to the least
    loaded), ``dynamic_queue`` (in order, to the PE that is free first), ``stealing`` (static; an
    idle PE takes half of what the most loaded one has left). `cost_cycles` : a dispatch or theft.
    `barrier_items` : items a PE after which all wait for each other; 0, never.

    Attributes
    ----------
    assign : str
        Of kind static or stealing: which items a PE has at the start.
    """

    kind: Literal["static", "greedy", "dynamic_queue", "stealing"]
    assign: Literal["blocks", "round_robin"] = "round_robin"
    cost_cycles: CountOrZero = 0
    barrier_items: CountOrZero = 0


class Noc(Spec):
    """Elements a cycle that enter the array, and what one read serves.

    `load_words` : values of the stationary operand; `stream_words` : of the streamed one;
    `shared` : the operand that goes to all PEs at once.
    """

    kind: Literal["bus", "multicast", "crossbar", "benes", "mesh"]
    load_words: Count
    stream_words: Count
    shared: Literal["none", "a", "b"] = "none"


# dataflow: what may stand beside it. Other choices are refused, for the reason given below.
_INTERSECT = {
    "inner": ("two_finger", "skip_ahead", "leader_follower", "bitmap"),
    "gustavson": ("none", "leader_follower"),
    "structured": ("none", "nm_mux"),
}
_MERGE = {
    "gustavson": ("radix", "queues", "hash", "dense"),
    "outer": ("two_phase", "radix", "none"),
    "cartesian": ("banks",),
}
_WHY_INTERSECT = {
    "inner": "an inner product needs a way to find the common coordinates of two fibers",
    "gustavson": "the nonzeros of A name the rows of B, there is nothing else to intersect",
    "structured": "N:M groups are picked by a multiplexer",
}
_WHY_MERGE = {
    "gustavson": "scaled rows of B must be merged into one row of C",
    "outer": "products of one output come from many k: they are merged later, or summed in place",
    "cartesian": "products go to scattered outputs, which are summed in accumulator banks",
}


class ComposedArray(Spec):
    """A sparse array made of records; the mapping takes the fastest of `dataflows`.

    Attributes
    ----------
    formats : Formats
        How the operands and the result are stored.
    dataflows : tuple
        What the mapping may choose from, per operator.
    pe_array, intersect, reduce, merge, balance, noc : records
    operand_storage, accumulators : int, bytes
        Array-local storage of operands, all PEs together; the same of partial sums.
    reconfiguration_cycles : int
        Once an operator.
    """

    kind: Literal["composed"]
    formats: Formats
    dataflows: tuple[Dataflow, ...] = Field(min_length=1)
    pe_array: PeArray
    intersect: Intersect
    reduce: Reduce
    merge: Merge
    balance: Balance
    noc: Noc
    operand_storage: BytesOrZero
    accumulators: BytesOrZero
    reconfiguration_cycles: CountOrZero

    @model_validator(mode="after")
    def _records_fit(self) -> ComposedArray:
        several = len(self.dataflows) > 1
        for at, flow in enumerate(self.dataflows):
            allowed = _INTERSECT.get(flow.kind, ("none",))
            why = _WHY_INTERSECT.get(flow.kind, "its operands are not intersected fiber by fiber")
            self._one_of("intersect", self.intersect.kind, allowed, flow.kind, why, several)
            allowed = _MERGE.get(flow.kind, ("none",))
            why = _WHY_MERGE.get(flow.kind, "its sums meet where they are made")
            self._one_of("merge", self.merge.kind, allowed, flow.kind, why, several)
            if isinstance(flow, Quantum) and flow.lanes != self.pe_array.lanes:
                raise FieldError(
                    f"dataflows.{at}",
                    f"a_per_cycle x b_per_cycle = {flow.lanes}, but a PE has"
                    f" {self.pe_array.lanes} lanes: a quantum uses all of them",
                )
            tiled = flow.kind == "inner" and flow.micro_tile is not None
            if tiled and self.intersect.kind != "skip_ahead":
                raise FieldError(
                    f"dataflows.{at}.micro_tile",
                    f"meets tiles by skip-ahead, but intersect is {self.intersect.kind}",
                )
            if flow.kind == "structured":
                self._structured(at, flow.sparse)
            if flow.kind == "flexible_serial" and self.pe_array.pes % flow.ports:
                raise FieldError(
                    f"dataflows.{at}.ports",
                    f"{flow.ports} does not divide the {self.pe_array.pes} multipliers",
                )
        if len({flow.kind for flow in self.dataflows}) < len(self.dataflows):
            raise FieldError("dataflows", "names one kind twice, expected each once")
        if self.pe_array.zeros == "gate" and self.intersect.kind in ("two_finger", "skip_ahead"):
            raise FieldError(
                "pe_array.zeros",
                f"gating does not save cycles, but intersect {self.intersect.kind} skips:"
                " expected skip",
            )
        return self

    def _one_of(
        self, field: str, kind: str, allowed: tuple[str, ...], flow: str, why: str, several: bool
    ) -> None:
        # With several dataflows a record serves those that need it and rests under the others.
        if kind in allowed or (several and "none" in allowed):
            return
        raise FieldError(
            f"{field}.kind",
            f"'{kind}' does not go with dataflow {flow}: {why}; expected {', '.join(allowed)}",
        )

    def _structured(self, at: int, sparse: str) -> None:
        stored = self.formats.a if sparse == "a" else self.formats.b
        if not isinstance(stored, NOfM):
            raise FieldError(
                f"dataflows.{at}.sparse",
                f"operand {sparse} is stored as {stored.kind}, expected format nm",
            )

    @property
    def macs(self) -> int:
        """MAC units."""
        return self.pe_array.pes * self.pe_array.lanes

    @property
    def storage(self) -> dict[str, int]:
        """Storage inside the array by name, bytes."""
        return {"operands": self.operand_storage, "accumulators": self.accumulators}

    @property
    def local_bytes(self) -> int:
        """Storage inside the array, part of `on_chip`."""
        return sum(self.storage.values())
