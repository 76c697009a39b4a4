"""Networks with an external memory: content addressing (NTM, DNC) and sparse access (SAM).

A step of the controller, then reads and writes of the memory; every step depends on the one
before. Sizes as in 1410.5401 (NTM), Nature 538:471 (DNC) and 1610.09027 (SAM).
Not expanded: location addressing of the NTM beyond its element-wise cost; of SAM's index (a forest
of k-d trees) the descent, which compares `candidates` slots per head, and not its rebuilding.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from accelsim.config.record import Spec
from accelsim.workload.operators import Gather, Operator, ScatterAdd, TopK
from accelsim.workload.recipes.builder import SOFTMAX, Builder, simulated
from accelsim.workload.recipes.patterns import ArraySpec, make_array, seed_of
from accelsim.workload.recipes.run import Run

Count = Annotated[int, Field(gt=0)]
LSTM = 12  # four gates and the cell, per unit of the hidden state (assumed)


class Memory(Spec):
    """A controller (LSTM of `hidden` units) with `heads` reads of a memory of slots x width.

    Attributes
    ----------
    variant : str
        "ntm": cosine scores against all slots, dense read and write; "dnc": also the table of
        links between slots; "sam": the nearest `top_k` of `candidates` slots are read, they and
        the least recently used one are written.
    accesses : ArraySpec
        Which slots are read: the rule of a table's rows.
    inputs : int
        Elements of an input.
    hidden : int
        Units of the controller.
    slots : int
        Rows of the memory.
    width : int
        Elements of a row.
    heads : int
        Reads in a step.
    top_k : int
        Of variant sam: slots that a head reads.
    candidates : int
        Of variant sam: slots that the search for the nearest looks at.
    """

    kind: Literal["memory"]
    variant: Literal["ntm", "dnc", "sam"]
    inputs: Count
    hidden: Count
    slots: Count
    width: Count
    heads: Count
    top_k: Count = 4
    candidates: Count = 1
    accesses: ArraySpec | None = None


def memory_operators(spec: Memory, run: Run) -> list[Operator]:
    """Expand `length` steps of a memory network for `batch` sequences, one after another."""
    b, last = Builder(run.dtype), None
    for number, repeat in simulated(run.length, max(run.simulated_layers, run.steps)):
        with b.within(f"step{number}", repeat):
            state = _controller(b, spec, run, last)
            if spec.variant == "sam":
                last = _sparse_access(b, spec, run, state, number)
            else:
                last = _content_addressing(b, spec, run, state)
    return b.operators


def _controller(b: Builder, spec: Memory, run: Run, last: int | None) -> int:
    read = spec.heads * spec.width
    k = spec.inputs + read + spec.hidden
    gates = b.matmul("gates", run.batch, 4 * spec.hidden, k, last)
    state = b.vector("cell", run.batch * spec.hidden, LSTM, gates, operands=4)
    keys = (spec.heads + 1) * 3 * spec.width  # a key, an erase and an add vector a head
    return b.matmul("interface", run.batch, keys, spec.hidden, state)


def _content_addressing(b: Builder, spec: Memory, run: Run, state: int) -> int:
    slots, width, heads = spec.slots, spec.width, spec.heads + 1
    done: list[int] = []
    for sequence in range(run.batch):  # every sequence has a memory of its own
        with b.within(f"memory{sequence}" if run.batch > 1 else "memory"):
            norms = b.vector("norms", slots * width, 2, state)
            scores = b.matmul("scores", heads, slots, width, state, weights="dynamic")
            weights = b.vector("softmax", heads * slots, SOFTMAX + 6, scores, norms)
            if spec.variant == "dnc":
                b.vector("links", slots * slots, 4, weights)
                found = [
                    b.matmul(way, spec.heads, slots, slots, weights, weights="dynamic")
                    for way in ("forward", "backward")
                ]
                usage = b.add(TopK, "free_list", weights, rows=1, candidates=slots, k=slots)
                weights = b.vector("modes", heads * slots, 6, weights, usage, *found, operands=3)
            read = b.matmul("read", spec.heads, width, slots, weights, weights="dynamic")
            write = b.vector("erase_add", slots * width, 4, weights)
            done.append(b.vector("done", 1, 1, read, write))
    return b.vector("joined", 1, 1, *done) if len(done) > 1 else done[0]


def _sparse_access(b: Builder, spec: Memory, run: Run, state: int, step: int) -> int:
    rows, shape = run.batch * spec.heads, {"table_rows": spec.slots, "row_elements": spec.width}
    assert spec.accesses is not None

    def slots(name: str, count: int) -> object:
        seed = seed_of(run.seed, name, step)
        assert spec.accesses is not None
        return make_array(spec.accesses, seed, n=count, table_rows=spec.slots)

    looked = slots("candidates", rows * spec.candidates)
    candidates = b.add(Gather, "candidates", state, indices=looked, **shape)
    scored = rows * spec.candidates * spec.width
    scores = b.vector("distances", scored, 3, candidates, operands=1)
    best = b.add(
        TopK, "nearest", scores, rows=rows, candidates=spec.candidates,
        k=min(spec.top_k, spec.candidates),
    )  # fmt: skip
    read = b.add(Gather, "read", best, indices=slots("read", rows * spec.top_k), **shape)
    mixed = b.vector("weighted_sum", rows * spec.top_k * spec.width, 2, read)
    written = slots("write", run.batch * (spec.top_k + 1))
    write = b.add(ScatterAdd, "write", best, indices=written, **shape)
    used = b.vector("recency", run.batch * (spec.top_k + 1), 2, write)
    return b.vector("done", 1, 1, mixed, used)
