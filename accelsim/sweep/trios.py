"""Which three machines a workload is run on, and which workloads a review takes."""

from __future__ import annotations

from typing import NamedTuple

from accelsim.arch.load import ArchSource, arch_source
from accelsim.workload.operators import Attention, Matmul, Moe
from accelsim.workload.trace import Trace


class Trio(NamedTuple):
    """Names of the baseline, the baseline with a gathering DMA, and the candidate."""

    baseline: str
    third: str
    candidate: str

    def sources(self) -> dict[str, ArchSource]:
        """What each is made from, by role."""
        return {role: arch_source(name) for role, name in self._asdict().items()}


BIG = Trio("systolic_128", "systolic_128_gather", "sparse_v1")
SMALL = Trio("systolic_32", "systolic_32_gather", "sparse_small")

DEFAULT_WORKLOADS = (
    "tiny_moe_lm", "tiny_moe_lm_mass95", "tiny_moe_lm_random",
    "longctx_8k", "longctx_8k_oracle", "dsa_8k", "window_8k", "blocks_8k", "causal_8k",
)  # fmt: skip
# Of these the default review says how far the verdict holds, which takes many more runs.
STUDIED = ("tiny_moe_lm", "longctx_8k")

# Controls: a trace made to be compared with another, not a workload; left out of every mean.
CONTROL_OF = {"tiny_moe_lm_random": "tiny_moe_lm"}

# An operator as wide as the big array, or a context as long as its tiles, deserves the big trio.
WIDE = 64


def trio_for(trace: Trace) -> Trio:
    """The proportionate trio: a model too narrow for a 128-wide array runs on the small one.

    On the big trio such a model fits on chip and fills a corner of the array, so that it
    exercises nothing; the report shows working set / scratchpad and warns below 1.
    """
    return BIG if widest_head(trace) > WIDE else SMALL


def widest_head(trace: Trace) -> int:
    """Widest head dimension; without attention, the narrowest reduction of a matmul or expert."""
    heads = [max(op.d_qk, op.d_v) for op in trace.operators if isinstance(op, Attention)]
    if heads:
        return max(heads)
    widths = [op.k for op in trace.operators if isinstance(op, Matmul)]
    widths += [op.d_model for op in trace.operators if isinstance(op, Moe)]
    return min(widths, default=WIDE)


def is_control(name: str) -> bool:
    """Whether a trace is a control and not a workload."""
    return name in CONTROL_OF
