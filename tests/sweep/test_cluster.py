"""A dask cluster: the same bytes, also when one of its workers is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from accelsim.errors import InputError
from accelsim.sweep.running import run_sweep
from tests.sweep.conftest import LONG, contents

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster():
    """Two processes of one thread."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=50,
    ) as started:  # fmt: skip
        yield started


def test_a_killed_worker_changes_no_byte(cluster, plan_file, tmp_path):
    from accelsim.sweep.cluster import cluster_pool

    run_sweep(plan_file(LONG), tmp_path / "whole")
    victim = next(iter(cluster.workers.values())).pid
    points = tmp_path / "out" / "points"

    def kill() -> None:
        while len(list(points.glob("*.json"))) < 4:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    pool = cluster_pool(cluster.scheduler_address, 2)
    assert pool.workers == 2
    done = run_sweep(plan_file(LONG), tmp_path / "out", pool=pool)
    killer.join()
    assert done.ran == 192 and not done.written.failed
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_clusters_that_are_none_are_refused(monkeypatch):
    from accelsim.sweep import cluster

    with pytest.raises(InputError, match="expected tcp://HOST:PORT, slurm or lsf"):
        cluster.cluster_pool("somewhere", 2)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(InputError, match="nobody answers"):
        cluster.cluster_pool("tcp://127.0.0.1:9", 2)
    with pytest.raises(InputError, match=r"~/.config/dask/jobqueue.yaml"):
        cluster.cluster_pool("slurm", 2)


def test_workers_of_several_threads_are_refused():
    from accelsim.sweep.cluster import cluster_pool

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
    ) as started, pytest.raises(InputError, match="--nthreads 1"):  # fmt: skip
        cluster_pool(started.scheduler_address, 2)


def test_without_dask_the_remedy_is_said(monkeypatch):
    from accelsim.sweep.cluster import cluster_pool

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'accelsim\[cluster\]'"):
        cluster_pool("tcp://127.0.0.1:9", 1)


# Stand-ins for the commands of batch systems: jobs start at once, as groups of processes.
COMMANDS = {
    "sbatch": 'job=$(mktemp); cp "$1" "$job"; setsid bash "$job" > /dev/null 2>&1 &\n'
    'echo "Submitted batch job $!"',
    "bsub": 'job=$(mktemp); cat > "$job"; setsid bash "$job" > /dev/null 2>&1 &\n'
    'echo "Job <$!> is submitted to default queue <normal>."',
    "scancel": "kill -- $(printf -- '-%s ' \"$@\") 2> /dev/null; exit 0",
    "bkill": "kill -- $(printf -- '-%s ' \"$@\") 2> /dev/null; exit 0",
}


@pytest.mark.parametrize("system", ["slurm", "lsf"])
def test_a_batch_system_is_asked_for_workers(system, plan_file, tmp_path, monkeypatch):
    dask = pytest.importorskip("dask")
    pytest.importorskip("dask_jobqueue")
    from accelsim.sweep.cluster import cluster_pool

    commands = tmp_path / "bin"
    commands.mkdir()
    for name, script in COMMANDS.items():
        (commands / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    run_sweep(plan_file(), tmp_path / "whole")
    settings = {f"jobqueue.{system}.memory": "1GB", "jobqueue.lsf.lsf-units": "mb"}
    with dask.config.set(settings):
        pool = cluster_pool(system, 2)
        assert pool.workers == 2
        run_sweep(plan_file(), tmp_path / "out", pool=pool)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
