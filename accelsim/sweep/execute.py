"""Runs jobs through executors, a bounded number in flight, and again where a process died."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)

from accelsim.errors import InputError
from accelsim.sweep.pools import Pool, interrupts
from accelsim.sweep.worker import Done, Job, run_job

IN_FLIGHT = 3  # jobs a worker, so that the next is there when one ends
SUSPECT_AFTER = 2  # deaths during a job, after which no other runs at its side
GIVE_UP_AFTER = 3


def run_all(
    jobs: Iterable[Job],
    pool: Pool,
    finished: Callable[[Done], None],
    lost: Callable[[Job], None],
    compiled: set[str] | None = None,
) -> None:
    """Run every job.

    The first job on each kind of array runs alone: it compiles kernels that the others then find
    compiled. A job during which a process died runs again.

    Parameters
    ----------
    jobs : iterable of Job
        Taken one by one as workers become free.
    pool : Pool
    finished : callable(Done)
        Called in this process, in the order of completion.
    lost : callable(Job)
        Called for a job during which a process died `GIVE_UP_AFTER` times, the last with no other
        job at its side.
    compiled : set of str, optional
        Kinds of array that have run before, to which those of this run are added.

    Raises
    ------
    InputError
        A result cannot be written, or the executor has gone; what was finished stays.
    """
    runner = _Runner(iter(jobs), pool, finished, lost)
    runner.compiled = runner.compiled if compiled is None else compiled
    try:
        with interrupts() as check:
            runner.run(check)
    except BaseException:
        runner.executor.shutdown(wait=False, cancel_futures=True)
        raise
    runner.executor.shutdown()


class _Runner:
    """The loop: what waits, what is in flight, and how often a process died during each job."""

    def __init__(
        self,
        jobs: Iterator[Job],
        pool: Pool,
        finished: Callable[[Done], None],
        lost: Callable[[Job], None],
    ) -> None:
        self.jobs, self.pool, self.finished, self.lost = jobs, pool, finished, lost
        self.executor: Executor = pool.make()
        self.broken = False
        self.again: deque[Job] = deque()
        self.suspects: deque[Job] = deque()
        self.deaths: Counter[str] = Counter()
        self.compiled: set[str] = set()
        self.flying: dict[Future[Done], Job] = {}
        self.alone = False

    def run(self, check: Callable[[], None]) -> None:
        """Submit and collect until nothing is left; `check` raises what got lost."""
        while True:
            check()
            if self.broken and not self.flying:
                self.executor.shutdown(wait=False)
                self.executor, self.broken, self.alone = self.pool.make(), False, False
            while self._may_submit() and (job := self._next()) is not None:
                self._submit(job)
            if not self.flying and not self.broken:
                return
            done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
            for future in done:
                self._collect(future)

    def _may_submit(self) -> bool:
        full = len(self.flying) >= IN_FLIGHT * self.pool.workers
        return not (self.broken or self.alone or full)

    def _next(self) -> Job | None:
        """The next job that may run now; those that must run alone wait until nothing does."""
        if not self.again:
            job = next(self.jobs, None)
            if job is not None:
                self.again.append(job)
        if self.again:
            if self.again[0].arch.array.kind in self.compiled or not self.flying:
                return self.again.popleft()
        elif self.suspects and not self.flying:
            return self.suspects.popleft()
        return None

    def _submit(self, job: Job) -> None:
        kind = job.arch.array.kind
        try:
            self.flying[self.executor.submit(run_job, job)] = job
        except BrokenExecutor:  # a process died while it had nothing to do
            self.again.appendleft(job)
            self.broken = True
            return
        self.alone = kind not in self.compiled or job.key in self.deaths
        self.compiled.add(kind)

    def _collect(self, future: Future[Done]) -> None:
        job = self.flying.pop(future)
        self.alone = False
        try:
            self.finished(future.result())
        except self.pool.died as death:
            self.broken = self.broken or isinstance(death, BrokenExecutor)
            self.deaths[job.key] += 1
            if self.deaths[job.key] >= GIVE_UP_AFTER:
                self.lost(job)
            else:
                suspected = self.deaths[job.key] >= SUSPECT_AFTER
                (self.suspects if suspected else self.again).append(job)
        except (CancelledError, BrokenExecutor) as error:
            raise InputError(
                f"the processes of the sweep have gone: {error or type(error).__name__}",
                remedy="what is finished stays; start them and run again",
            ) from None
