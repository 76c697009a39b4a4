"""Points on a dask cluster: one that is up, or workers that a batch system starts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import TYPE_CHECKING, Any

from accelsim.errors import InputError
from accelsim.sweep.pools import Pool

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy import Cluster

BATCH_SYSTEMS = ("slurm", "lsf")
CONNECT_SECONDS = 30


def cluster_pool(address: str, jobs: int) -> Pool:
    """Workers of a dask cluster.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT`` or ``tls://HOST:PORT`` of a scheduler whose workers have one thread
        each, or ``slurm`` or ``lsf``: workers of one core are asked for, configured as
        dask-jobqueue's documentation says (``~/.config/dask/jobqueue.yaml``).
    jobs : int
        Workers to ask a batch system for.

    Raises
    ------
    InputError
        dask is not installed, nobody answers at the address, or workers have several threads.
    """
    try:
        from distributed import KilledWorker
    except ImportError:
        remedy = "pip install 'accelsim[cluster]'"
        raise InputError("a cluster needs dask", where="--cluster", remedy=remedy) from None
    client, cluster = _connect(address, jobs)
    threads = client.nthreads().values()
    if any(count > 1 for count in threads):
        client.close()
        raise InputError(
            "its workers have several threads", where=f"--cluster {address}",
            remedy="start them with --nthreads 1, and --nworkers for more of them",
        )  # fmt: skip
    workers = jobs if cluster is not None else max(1, len(threads))
    executor = _ClusterExecutor(client, cluster)
    return Pool(lambda: executor, workers, died=(KilledWorker, BrokenExecutor))


def _connect(address: str, jobs: int) -> tuple[Client, Cluster | None]:
    from distributed import Client

    where = f"--cluster {address}"
    if address in BATCH_SYSTEMS:
        try:
            import dask_jobqueue

            kind = {"slurm": dask_jobqueue.SLURMCluster, "lsf": dask_jobqueue.LSFCluster}[address]
            cluster = kind(cores=1, processes=1)
            cluster.scale(jobs=jobs)
        except ImportError:
            remedy = "pip install 'accelsim[cluster]'"
            raise InputError("needs dask-jobqueue", where=where, remedy=remedy) from None
        except (ValueError, OSError, RuntimeError) as error:
            remedy = "set queue, memory and walltime in ~/.config/dask/jobqueue.yaml"
            raise InputError(f"cannot be started: {error}", where=where, remedy=remedy) from None
        return Client(cluster), cluster
    if not address.startswith(("tcp://", "tls://")):
        raise InputError(
            "is no cluster", where=where,
            remedy=f"expected tcp://HOST:PORT, {' or '.join(BATCH_SYSTEMS)}",
        )  # fmt: skip
    try:
        return Client(address, timeout=CONNECT_SECONDS), None
    except (OSError, ValueError, TimeoutError) as error:
        remedy = "start it with 'dask scheduler' and 'dask worker ADDRESS --nthreads 1'"
        raise InputError(f"nobody answers: {error}", where=where, remedy=remedy) from None


class _ClusterExecutor(Executor):
    """dask's executor; ending it also ends the connection, and the workers that were asked for."""

    def __init__(self, client: Client, cluster: Cluster | None) -> None:
        self._client, self._cluster = client, cluster
        self._inner = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit to the cluster."""
        return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the connection."""
        self._inner.shutdown(wait=wait)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
