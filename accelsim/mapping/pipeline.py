"""Software pipelining: fetches issue ahead, and what depends on a long chain follows behind.

Tasks of a Program claim storage and take in-order units in the order in which they are added, so
the order of adding is the schedule that a compiler would write down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple


def _nothing() -> None:
    return None


class Step(NamedTuple):
    """One step of a loop, cut into three parts that add tasks."""

    fetch: Callable[[], None] = _nothing
    compute: Callable[[], None] = _nothing
    follow: Callable[[], None] = _nothing


class Pipeline:
    """Adds fetch(i + ahead), compute(i), follow(i - lag), for every i in turn."""

    def __init__(self, ahead: int, lag: int) -> None:
        self._ahead, self._lag = ahead, lag
        self._fetched: deque[Step] = deque()
        self._computed: deque[Step] = deque()

    def add(self, step: Step) -> None:
        """The loop's next step."""
        step.fetch()
        self._fetched.append(step)
        self._advance(self._ahead, self._lag)

    def flush(self) -> None:
        """The loop has ended."""
        self._advance(0, self._lag)
        self._advance(0, 0)

    def _advance(self, ahead: int, lag: int) -> None:
        while len(self._fetched) > ahead:
            step = self._fetched.popleft()
            step.compute()
            self._computed.append(step)
            while len(self._computed) > lag:
                self._computed.popleft().follow()
        while len(self._computed) > lag:
            self._computed.popleft().follow()
