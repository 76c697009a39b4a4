"""What the words of a Result mean: states of units, what operators are limited by, path parts."""

from __future__ import annotations

from typing import NamedTuple

# A unit that waits for more than this part of its occupancy is limited by what it waits for.
LARGE_PART = 1 / 3
# Of the array's waiting, from which part on the slowest row is named instead of the feed.
IMBALANCE_PART = 1 / 2
# What an operator is limited by where its leading unit works, by unit.
LIMITS = {
    "load": "DRAM reads",
    "store": "DRAM writes",
    "array": "MAC array",
    "vector": "vector lanes",
    "index": "index unit",
    "scatter": "scatter unit",
    "control": "dispatch",
    "join": "waiting",
}


class Meaning(NamedTuple):
    """A word explained.

    `what` : it means. `when` : it is said. `helps` : what would typically make it shorter.
    """

    what: str
    when: str
    helps: str


_WAITED = "time before a task counts as what the task waited for"
STATE_MEANINGS = {
    "busy": Meaning(
        "doing the work that its rate allows",
        "a service task's useful cycles; of a memory task the time in which its lines could be "
        "issued at full rate",
        "a higher rate of the unit, or less work: fewer MACs, other tiles, more sparsity",
    ),
    "stall:input": Meaning(
        "waiting for operands or for another unit's result",
        f"a task's cycles without operands (ports, buses, FIFOs of a full row); {_WAITED}: here a "
        "task of another unit that is no memory task, its turn, or its server",
        "more scratchpad port bytes a cycle, deeper FIFOs, or a faster unit in front of it",
    ),
    "stall:memory": Meaning(
        "waiting for DRAM",
        "a memory task held longer than issuing its lines takes; and "
        f"{_WAITED}: here a memory task",
        "more DRAM bandwidth, more lines outstanding, more prefetch, or fewer bytes: a larger "
        "scratchpad, a narrower number type",
    ),
    "stall:buffer": Meaning(
        "waiting for room in a buffer",
        f"{_WAITED}: here bytes of a buffer that earlier tasks had not yet given back",
        "more on-chip bytes, more of them for prefetch, or smaller tiles",
    ),
    "stall:conflict": Meaning(
        "waiting for a bank that is in use",
        "a task's cycles in which two accesses met in one bank",
        "more banks, or another layout of the rows",
    ),
    "fill_drain": Meaning(
        "filling or draining a pipeline",
        "a task's cycles of fill and drain, and the time before a task that waited for one of its "
        "own unit",
        "longer streams a fold (larger tiles), more work in parallel, a smaller array",
    ),
    "idle": Meaning(
        "no work of a started operator",
        "time before the operator of the next task began, after the unit's last task, and what no "
        "other state holds",
        "nothing of this unit: look at what holds the critical path meanwhile",
    ),
}

_LEADS = "on the critical path of the operator, {} holds the most time"
_LARGE = f"{LARGE_PART:.0%}"
_STALLED = _LEADS.format("the array") + f", and more than {_LARGE} of it is waiting, "
LIMIT_MEANINGS = {
    "DRAM reads": Meaning(
        "the load unit: its lines come back as fast as DRAM, its lines in flight or its ports let "
        "them",
        _LEADS.format("the load unit"),
        "more DRAM bandwidth, more lines outstanding where the share of peak is low, fewer or "
        "longer pieces, more reuse on chip",
    ),
    "DRAM writes": Meaning(
        "the store unit: results leave the chip",
        _LEADS.format("the store unit"),
        "more DRAM bandwidth, or more activation storage, so that results stay on chip",
    ),
    "MAC array": Meaning(
        "the array computes: its slots, its fill and drain",
        _LEADS.format("the array") + f", and at most {_LARGE} of it is waiting for operands and "
        "banks",
        "more MACs; if utilisation is low, a mapping or a shape that fills more of the slots",
    ),
    "scratchpad feed of the array": Meaning(
        "the array waits for operands: ports of the scratchpad, or buses, deliver fewer than it "
        "could take",
        _STALLED + "mostly for operands",
        "more port bytes a cycle for the array, more buses, taller tiles, more queries that share "
        "a key",
    ),
    "row imbalance": Meaning(
        "the array waits for its most loaded rows: their FIFOs are full and hold the stream back",
        _STALLED + f"more than {IMBALANCE_PART:.0%} of that on full FIFOs",
        "deeper FIFOs, more run-ahead, rows of more equal length",
    ),
    "bank conflicts": Meaning(
        "the array waits for banks of the scratchpad that are in use",
        _STALLED + "longer for banks than for operands",
        "more banks, or another layout of the rows",
    ),
    "vector lanes": Meaning(
        "the vector unit computes: softmax, activations, element-wise work",
        _LEADS.format("the vector unit") + f", and at most {_LARGE} of it is waiting for its port",
        "more lanes, or fewer lane-operations an element",
    ),
    "scratchpad port of the vector unit": Meaning(
        "the vector unit waits for its operands",
        _LEADS.format("the vector unit") + f", and more than {_LARGE} of it is waiting for them",
        "more port bytes a cycle for the vector unit",
    ),
    "index unit": Meaning(
        "the index unit computes: top-k, unions, windows",
        _LEADS.format("the index unit"),
        "more compares a cycle, or a selection over fewer candidates",
    ),
    "scatter unit": Meaning(
        "the scatter unit adds rows",
        _LEADS.format("the scatter unit"),
        "more banks, deeper queues, more bytes of accumulators",
    ),
    "dispatch": Meaning(
        "the control unit starts the operator",
        _LEADS.format("the control unit"),
        "fewer cycles of dispatch, fewer and larger operators",
    ),
    "waiting": Meaning(
        "a join of several tasks: it takes no time itself",
        _LEADS.format("a join"),
        "what its tasks are limited by",
    ),
    "hidden behind others": Meaning(
        "no time of it is on the critical path: it ran while others did",
        "no segment of the critical path is of the operator",
        "nothing: it costs no time",
    ),
}  # fmt: skip
_PART = "a part of the array's time on the critical path: {} of its tasks' occupancy"
# Parts of the critical path in the breakdown pictures; the others are words from above.
PART_MEANINGS = {
    "MAC slots": Meaning(
        "the array does useful cycles",
        _PART.format("the useful cycles"),
        "more MACs, or fewer that are issued: more sparsity, other tiles",
    ),
    "array feed": Meaning(
        "the array waits for operands: ports of the scratchpad, or buses",
        _PART.format("the cycles without operands that are not for full FIFOs"),
        LIMIT_MEANINGS["scratchpad feed of the array"].helps,
    ),
    "array fill and drain": Meaning(
        "the array fills or drains its pipeline",
        _PART.format("what no other part holds") + ", and what goes beyond it",
        STATE_MEANINGS["fill_drain"].helps,
    ),
}
MEANINGS = {**STATE_MEANINGS, **LIMIT_MEANINGS, **PART_MEANINGS}
