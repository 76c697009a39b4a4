"""The cache kernel against a model of lists, access by access."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.kernels.cache import CONSUME, FETCH, FIBRE, HIT, LRU, READ, WRITE, access


class Cache:
    """The arrays of the kernel."""

    def __init__(self, sets: int, ways: int, policy: int) -> None:
        shape = (sets, ways)
        self.policy, self.clock = policy, np.zeros(1, np.int64)
        self.tags, self.used = np.full(shape, -1, np.int64), np.zeros(shape, np.int64)
        self.coming, self.dirty = np.zeros(shape, np.int32), np.zeros(shape, np.bool_)

    def run(self, accesses: list[tuple[int, int]]) -> tuple[list[bool], list[int]]:
        lines = np.array([line for line, _ in accesses], np.int64)
        operations = np.array([operation for _, operation in accesses], np.int8)
        outcome, written = np.empty(lines.size, np.int8), np.empty(lines.size, np.int64)
        count = access(
            lines, operations, self.policy, self.tags, self.used, self.coming, self.dirty,
            self.clock, outcome, written,
        )  # fmt: skip
        return (outcome == HIT).tolist(), written[:count].tolist()


class Naive:
    """A list of entries a set, the one used last at its end."""

    def __init__(self, sets: int, ways: int, policy: int) -> None:
        self.sets: list[list[dict[str, int]]] = [[] for _ in range(sets)]
        self.ways, self.policy = ways, policy

    def run(self, accesses: list[tuple[int, int]]) -> tuple[list[bool], list[int]]:
        hits, written = [], []
        for line, operation in accesses:
            entries = self.sets[line % len(self.sets)]
            entry = next((e for e in entries if e["line"] == line), None)
            hits.append(entry is not None)
            if operation == CONSUME:
                if entry is not None:
                    entries.remove(entry)
                continue
            if entry is None:
                if len(entries) == self.ways:
                    rank = (lambda e: e["coming"]) if self.policy == FIBRE else (lambda e: 0)
                    victim = min(entries, key=rank)  # of equal ones the first: used longest ago
                    entries.remove(victim)
                    if victim["dirty"]:
                        written.append(victim["line"])
                entry = {"line": line, "coming": 0, "dirty": 0}
            else:
                entries.remove(entry)
            entries.append(entry)
            if operation == FETCH:
                entry["coming"] += 1
            elif operation == READ:
                entry["coming"] = max(0, entry["coming"] - 1)
            else:
                entry["dirty"] = 1
        return hits, written


@pytest.mark.parametrize("policy", [LRU, FIBRE])
@given(
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 3)), max_size=120),
    st.sampled_from([1, 2, 4]), st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=150)
def test_the_kernel_is_the_model_of_lists(policy, accesses, sets, ways):
    cut = len(accesses) // 2
    cache, naive = Cache(sets, ways, policy), Naive(sets, ways, policy)
    for part in (accesses[:cut], accesses[cut:]):  # the state is kept between calls
        assert cache.run(part) == naive.run(part)


def test_a_fibre_that_will_be_read_outlives_one_that_will_not():
    cache = Cache(1, 2, FIBRE)
    cache.run([(1, FETCH), (2, WRITE), (3, FETCH)])
    assert cache.run([(1, READ), (3, READ)])[0] == [True, True]
    assert Cache(1, 2, LRU).run([(1, FETCH), (2, WRITE), (3, FETCH), (1, READ)])[0][-1] is False
