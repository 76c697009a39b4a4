"""Speed of the request-level DRAM, one core, over the streams of the reference suite.

Run with `python -m benchmarks.bench_dram [requests]`. Prints figures; asserts nothing. DRAMsim3
itself served 0.02 to 0.54 M requests a second on these streams, 0.124 M in the geometric mean (the
reference runs' own figures, another machine).
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from accelsim.arch.part import Part
from accelsim.arch.parts import load_part
from accelsim.engine.dram import run_stream
from accelsim.workload.streams import GIB, stream

WIDTHS = {"hbm2": 16, "ddr4_2400": 4}
SUITE: list[tuple[str, dict[str, float]]] = [
    ("seq_read", {}),
    ("seq_write", {}),
    ("random_read", {}),
    ("random_write", {}),
    *(("row_gather", {"row_bytes": r}) for r in (64, 128, 256, 512, 1024, 4096)),
    *(("strided", {"stride_bytes": s}) for s in (256, 2048, 4096, 65536)),
    ("mixed", {}),
    ("mixed_random", {}),
    ("window_gather", {"row_bytes": 256}),
    ("window_gather", {"row_bytes": 128}),
    ("zipf_gather", {"row_bytes": 64}),
    ("zipf_gather", {"row_bytes": 256}),
    ("two_streams", {}),
    ("two_streams", {"offset": GIB // 2 + 8192 * 5}),
]
LONG = 100_000_000


def rate(part: Part, name: str, given: dict[str, float], seed: int, requests: int) -> float:
    """Requests a second, the best of three; the stream is made beforehand."""
    chunks = list(stream(name, requests, given, seed=seed, atom=part.request_bytes))
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        run_stream(part.vector, chunks, width=WIDTHS[part.name])
        best = min(best, time.perf_counter() - began)
    return requests / best


def long_stream(requests: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of 256 B, chunk by chunk, never all of them."""
    return stream("row_gather", requests, {"row_bytes": 256}, seed=1)


def main(requests: int = 200_000) -> None:
    """Print every figure."""
    rates = []
    for name in WIDTHS:
        part = load_part(name)
        for seed, (kind, given) in enumerate(SUITE, 1):
            rates.append(rate(part, kind, given, seed, requests))
            settings = "".join(f" {p}={v:.0f}" for p, v in given.items())
            print(f"  {name} {kind}{settings}: {rates[-1] / 1e6:.2f} M requests/s", flush=True)
    mean = math.exp(sum(map(math.log, rates)) / len(rates))
    print(f"  geometric mean {mean / 1e6:.2f} M requests/s, worst {min(rates) / 1e6:.2f} M")
    hbm2 = load_part("hbm2")
    for size in (LONG // 10, LONG):
        began = time.perf_counter()
        run_stream(hbm2.vector, long_stream(size), width=WIDTHS["hbm2"])
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"  hbm2 row_gather row_bytes=256, {size / 1e6:.0f} M requests, made as they run:"
            f" {size / seconds / 1e6:.2f} M requests/s, peak memory {peak:.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
