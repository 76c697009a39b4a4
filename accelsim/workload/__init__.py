"""Operators, sparsity patterns and the trace folder; readable without torch or numba."""

from accelsim.workload.patterns import (
    BitPattern,
    BlockPattern,
    CsrPattern,
    NmPattern,
    Pattern,
    RulePattern,
    attention_rule,
    csr_pattern,
    pattern_from_mask,
    smallest_exact,
)
from accelsim.workload.trace import (
    Trace,
    find_trace,
    read_trace,
    shipped_workloads,
    validate_trace,
    write_trace,
)

__all__ = [
    "BitPattern",
    "BlockPattern",
    "CsrPattern",
    "NmPattern",
    "Pattern",
    "RulePattern",
    "Trace",
    "attention_rule",
    "csr_pattern",
    "find_trace",
    "pattern_from_mask",
    "read_trace",
    "shipped_workloads",
    "smallest_exact",
    "validate_trace",
    "write_trace",
]
