"""The loop over executors: processes that die, executors that break, jobs that are to blame."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import time
import tracemalloc
from collections import Counter
from concurrent.futures import BrokenExecutor, Executor, Future

import pytest

from accelsim.errors import InputError
from accelsim.sweep.execute import GIVE_UP_AFTER, IN_FLIGHT, run_all
from accelsim.sweep.pools import Pool, local_pool
from accelsim.sweep.running import designer_of, job_of, run_sweep
from accelsim.sweep.store import Store
from accelsim.sweep.worker import Done, run_job
from tests.sweep.conftest import LONG, PLAN, contents


@pytest.fixture
def jobs(plan_file):
    return [job_of(design) for design in designer_of(plan_file()).designs()]


class Fake(Executor):
    """Answers when the loop waits; breaks, with all that is in flight, when `deadly` runs."""

    def __init__(self, deadly: Counter[str], log: list[list[str]]) -> None:
        self.deadly, self.log, self.broken = deadly, log, False
        self.held: list[tuple[Future, str]] = []

    def submit(self, fn, job):
        if self.broken:
            raise BrokenExecutor("broken")
        future: Future = Future()
        self.held.append((future, job.key))
        threading.Timer(0.002, self.answer).start()
        return future

    def answer(self):
        if not self.held:
            return
        running = [key for _, key in self.held]
        self.log.append(running)
        killer = [key for key in running if self.deadly[key] > 0]
        held, self.held = self.held, []
        if killer:
            self.broken = True
            self.deadly[killer[0]] -= 1
            for future, _ in held:
                future.set_exception(BrokenExecutor("a process died"))
        else:
            for future, key in held:
                future.set_result(Done(key, {}))


def run(jobs, deadly: dict[str, int]):
    """Run jobs of which some kill their process so many times."""
    done: list[str] = []
    lost: list[str] = []
    log: list[list[str]] = []
    remaining = Counter(deadly)
    pool = Pool(lambda: Fake(remaining, log), 2)
    run_all(iter(jobs), pool, lambda d: done.append(d.key), lambda job: lost.append(job.key))
    return done, lost, log


def test_every_job_runs_once_and_few_at_a_time(jobs):
    done, lost, log = run(jobs, {})
    assert sorted(done) == sorted(job.key for job in jobs) and not lost
    assert log[0] == [jobs[0].key]  # alone: it compiles
    assert max(map(len, log)) <= 2 * IN_FLIGHT


def test_jobs_at_the_side_of_a_death_run_again(jobs):
    done, lost, _ = run(jobs, {jobs[4].key: 1, jobs[9].key: 1})
    assert sorted(done) == sorted(job.key for job in jobs) and not lost


def test_a_job_that_kills_every_process_is_given_up_and_takes_no_other_with_it(jobs):
    done, lost, log = run(jobs, {jobs[4].key: 99})
    assert lost == [jobs[4].key]
    assert sorted(done) == sorted(job.key for job in jobs if job is not jobs[4])
    assert log[-1] == [jobs[4].key] or [jobs[4].key] in log  # the last time alone


def test_a_real_process_that_dies_is_replaced(plan_file, tmp_path):
    run_sweep(plan_file(LONG), tmp_path / "whole")
    pids: list[int] = []

    inner = local_pool(2)
    made = []

    def make():
        made.append(inner.make())
        return made[-1]

    def kill():
        points = tmp_path / "out" / "points"
        while len(list(points.glob("*.json"))) < 4:
            time.sleep(0.005)
        pids.append(next(iter(made[0]._processes)))
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    run_sweep(plan_file(LONG), tmp_path / "out", pool=Pool(make, 2))
    killer.join()
    assert len(made) == 2
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_lost_job_is_recorded_and_tried_again(plan_file, tmp_path):
    jobs = [job_of(design) for design in designer_of(plan_file()).designs()]

    class Deadly(Executor):
        def submit(self, fn, job):
            future: Future = Future()
            if job.key == jobs[2].key:
                future.set_exception(BrokenExecutor("a process died"))
            else:
                future.set_result(fn(job))
            return future

    out = run_sweep(plan_file(), tmp_path / "out", pool=Pool(Deadly, 1))
    assert out.written.failed.total() == 1
    record = Store(tmp_path / "out").read(jobs[2].key)
    assert record["fault"] and f"died {GIVE_UP_AFTER} times" in record["error"]
    again = run_sweep(plan_file(), tmp_path / "out")
    assert (again.ran, again.written.failed.total()) == (1, 0)


def test_a_worker_with_another_version_stops_the_sweep(plan_file, tmp_path, monkeypatch):
    class Other(Executor):
        def submit(self, fn, job):
            future: Future = Future()
            try:
                future.set_result(fn(job._replace(model="0.0.1+x")))
            except InputError as error:
                future.set_exception(error)
            return future

    with pytest.raises(InputError, match="a worker has accelsim .*install the same on both"):
        run_sweep(plan_file(), tmp_path / "out", pool=Pool(Other, 1))


def test_a_fault_of_one_point_does_not_stop_the_others(plan_file, tmp_path, monkeypatch):
    from accelsim.sweep import worker

    simulate, calls = worker.simulate, []

    def faulty(arch, trace, **kwargs):
        calls.append(arch)
        if len(calls) == 3:
            raise ZeroDivisionError("nothing\nto divide")
        return simulate(arch, trace, **kwargs)

    monkeypatch.setattr(worker, "simulate", faulty)
    out = run_sweep(plan_file(), tmp_path / "out")
    assert dict(out.written.failed) == {"ZeroDivisionError: nothing to divide": 1}
    monkeypatch.undo()
    assert run_sweep(plan_file(), tmp_path / "out").ran == 1  # it is tried again


def test_a_sweep_holds_no_results(plan_file, tmp_path):
    ranged = PLAN.replace(
        "values: [10 GB/s, 20 GB/s, 40 GB/s]", "range: {low: 1 GB/s, high: 50 GB/s}"
    )
    jobs = [job_of(design) for design in designer_of(plan_file()).designs()]
    record = json.dumps(run_job(jobs[0]).content)

    class Recorded(Executor):
        def submit(self, fn, job):
            future: Future = Future()
            future.set_result(Done(job.key, json.loads(record)))
            return future

    def peak_bytes(points: int) -> int:
        text = ranged + f"sampling: {{kind: random, points: {points}}}\n"
        path = plan_file(text, f"random_{points}.yaml")
        gc.collect()
        gc.freeze()  # what other tests hold would put off the search for cycles
        tracemalloc.start()
        out = run_sweep(path, tmp_path / f"out_{points}", pool=Pool(Recorded, 1))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.unfreeze()
        assert out.ran == points
        return peak

    peak_bytes(10)  # what is imported and made once
    few = peak_bytes(20)
    many = min(peak_bytes(420), peak_bytes(421))  # a table of the interpreter may grow in one
    assert many - few < 400 * len(record) / 4


def test_an_interrupt_that_a_callback_swallows_ends_the_sweep_all_the_same(jobs):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    finished = []

    def swallow(done: Done) -> None:
        finished.append(done)
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass  # as Python does in callbacks of weak references

    try:
        with pytest.raises(KeyboardInterrupt):
            run_all(jobs, local_pool(1), swallow, lambda job: None)
        assert len(finished) == 1 and len(jobs) > 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
