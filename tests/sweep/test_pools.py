"""A pool that serves several runs with one executor."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor

import pytest

from accelsim.sweep.pools import Pool, ThisProcess, kept


class Counted(ThisProcess):
    """Breaks at a job of 0."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        log.append("made")

    def submit(self, fn, /, *args, **kwargs):
        if args == (0,):
            raise BrokenExecutor
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.log.append("ended" if wait else "abandoned")


def run(pool: Pool, *jobs: int) -> list[int]:
    executor: Executor = pool.make()
    found = [executor.submit(abs, job).result() for job in jobs]
    executor.shutdown()
    return found


def test_one_executor_serves_all_runs_and_ends_with_the_block():
    log: list[str] = []
    with kept(Pool(lambda: Counted(log), 3)) as pool:
        assert pool.workers == 3 and log == []
        assert run(pool, -1, -2) == [1, 2] and run(pool, -3) == [3]
        assert log == ["made"]
    assert log == ["made", "ended"]


def test_a_broken_executor_is_replaced():
    log: list[str] = []
    with kept(Pool(lambda: Counted(log), 1)) as pool:
        executor = pool.make()
        with pytest.raises(BrokenExecutor):
            executor.submit(abs, 0)
        executor.shutdown(wait=False)
        assert run(pool, -1) == [1]
    assert log == ["made", "abandoned", "made", "ended"]
