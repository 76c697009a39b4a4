"""Where points run: in this process, in processes of this machine, or in a given executor."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any, NamedTuple

INTERRUPTED = 130  # exit code
MANY_OBJECTS = 1_000_000  # made and not freed, before a search for cycles
# A process simulates in one thread; libraries that would start more are told so.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Pool(NamedTuple):
    """Executors, one after the other: a broken one is replaced by the next.

    `make` : a new executor. `workers` : points that it runs at once. `died` : the exceptions by
    which it says that the process of a point died.
    """

    make: Callable[[], Executor]
    workers: int
    died: tuple[type[Exception], ...] = (BrokenExecutor,)


def one_thread() -> None:
    """Tell libraries that are loaded from now on, here and in new processes."""
    for name in THREADS:
        os.environ.setdefault(name, "1")


def local_pool(jobs: int) -> Pool:
    """So many processes of this machine, of one thread each; one is this process itself."""
    if jobs == 1:
        return Pool(ThisProcess, 1)
    context = get_context("spawn")

    def make() -> Executor:
        one_thread()
        return _Processes(jobs, mp_context=context, initializer=_settle)

    return Pool(make, jobs)


def given_pool(executor: Executor, workers: int) -> Pool:
    """An executor of the caller's, which is not replaced when it breaks."""
    return Pool(lambda: _Borrowed(executor), workers, died=())


@contextmanager
def kept(pool: Pool) -> Iterator[Pool]:
    """A pool whose executor serves several runs, one after the other, and ends with the block."""
    executor = _Kept(pool.make)
    try:
        yield Pool(lambda: executor, pool.workers, pool.died)
    finally:
        executor.end()


@contextmanager
def interrupts() -> Iterator[Callable[[], None]]:
    """Give a check that raises an interrupt which did not arrive.

    Python drops one that comes while a callback of its garbage collector or of a weak reference
    runs; the processes of a sweep have ended by it then.
    """
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        signal.default_int_handler(number, frame)

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield check
        check()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class ThisProcess(Executor):
    """Runs what is submitted at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it; the future is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Processes(ProcessPoolExecutor):
    """Processes that hold back an interrupt until they have settled: a submission may start one."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit, with interrupts blocked for whoever is started."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Kept(Executor):
    """Passes on to an executor that lives until `end`; one that broke, or is cancelled, is ended
    by the run that saw it, without waiting, and the next job starts another.
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make = make
        self._executor: Executor | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit to the executor."""
        if self._executor is None:
            self._executor = self._make()
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing where a run ended well."""
        if not wait and self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=cancel_futures)
            self._executor = None

    def end(self) -> None:
        """End the executor."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None


class _Borrowed(Executor):
    """Passes on to an executor that is not shut down here."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit to the executor."""
        return self._executor.submit(fn, *args, **kwargs)


def _settle() -> None:
    """End at once when interrupted, and with the parent even if it is killed.

    Cycles are looked for rarely: what points share are many small records that have none.
    """
    gc.set_threshold(MANY_OBJECTS)
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = parent_process()
    assert parent is not None

    def end_with() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with, daemon=True).start()
