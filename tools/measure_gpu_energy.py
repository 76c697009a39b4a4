"""Energy of an NVIDIA GPU by what it does: DRAM streams and gathers, L2, and matrix products.

Prints a CSV: for each load its time, energy by the board's own counter, bytes or MACs, and the
power. The figures in `cost_tables/measured/nvidia_h200.csv` were made with it. The energy of what
two loads differ in follows from their difference: DRAM from a stream that misses the L2 and one
that hits it, a zero operand from products of random numbers and of zeros. The clocks and the power
limit of the board are left as they are.

Needs CuPy, PyTorch and nvidia-ml-py on the machine with the GPU; nothing of accelsim.
Run: python tools/measure_gpu_energy.py > measured.csv
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import cupy as cp
import pynvml
import torch

SECONDS = 6.0
GIB = 1 << 30

SOURCE = r"""
extern "C" __global__ void stream(const uint4* data, long long count, int passes, unsigned* out) {
    unsigned sum = 0;
    long long step = (long long)gridDim.x * blockDim.x;
    long long first = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    for (int pass = 0; pass < passes; ++pass)
        for (long long i = first; i < count; i += step) {
            uint4 v = __ldcg(data + i);
            sum += v.x ^ v.y ^ v.z ^ v.w;
        }
    if (sum == 0x12345678u) out[0] = sum;
}
extern "C" __global__ void gather(const uint4* data, long long rows, int words, int per_warp,
                                  unsigned seed, unsigned* out) {
    // A group of `words` threads reads one row of words x 16 B; rows are drawn by a hash.
    unsigned sum = 0;
    long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    long long group = thread / words;
    int word = thread % words;
    for (int i = 0; i < per_warp; ++i) {
        unsigned long long h = (unsigned long long)(group * per_warp + i) + seed;
        h ^= h >> 33; h *= 0xff51afd7ed558ccdULL; h ^= h >> 33;
        h *= 0xc4ceb9fe1a85ec53ULL; h ^= h >> 33;
        uint4 v = __ldcg(data + (long long)(h % (unsigned long long)rows) * words + word);
        sum += v.x ^ v.y ^ v.z ^ v.w;
    }
    if (sum == 0x12345678u) out[0] = sum;
}
extern "C" __global__ void write(uint4* data, long long count, unsigned value) {
    long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step)
        __stcg(data + i, make_uint4(value + i, i, value, i * 2654435761u));
}
extern "C" __global__ void awake(long long clocks) {
    long long end = clock64() + clocks;
    while (clock64() < end) __nanosleep(200);
}
"""


class Load(NamedTuple):
    """`launch` : queues some of the work; `size` : bytes or MACs of one launch, in `unit`."""

    name: str
    launch: Callable[[], None]
    size: float
    unit: str


def loads() -> list[Load]:
    """What is measured."""
    module = cp.RawModule(code=SOURCE)
    stream, gather, write, awake = map(module.get_function, ("stream", "gather", "write", "awake"))
    blocks = cp.cuda.runtime.getDeviceProperties(0)["multiProcessorCount"] * 16
    data = cp.random.randint(0, 1 << 31, size=(8 * GIB // 4,), dtype=cp.int32)
    out = cp.zeros(1, cp.uint32)
    words = data.nbytes // 16

    def streamed(size: int, passes: int) -> Callable[[], None]:
        count = cp.int64(size // 16)
        return lambda: stream((blocks,), (256,), (data, count, cp.int32(passes), out))

    found = [
        Load("awake", lambda: awake((blocks,), (64,), (cp.int64(40_000_000),)), 0, "none"),
        Load("L2 stream, 16 MiB", streamed(16 << 20, 2000), 2000 * (16 << 20), "B"),
        Load("DRAM stream, 8 GiB", streamed(data.nbytes, 4), 4.0 * data.nbytes, "B"),
        Load(
            "DRAM write, 8 GiB",
            lambda: write((blocks,), (256,), (data, cp.int64(words), cp.uint32(7))),
            float(data.nbytes), "B",
        ),
    ]  # fmt: skip
    for row in (32, 64, 128, 256, 512, 1024, 2048):
        each, groups, per = row // 16, blocks * 256 // (row // 16), 4096
        args = (data, cp.int64(words // each), cp.int32(each), cp.int32(per), cp.uint32(1), out)
        found.append(
            Load(
                f"DRAM gather, {row} B rows",
                lambda args=args: gather((blocks,), (256,), args),
                float(groups) * per * row, "B",
            )
        )  # fmt: skip
    return found


def products() -> list[Load]:
    """Square matrix products of one size in several types, with random and with zero operands."""
    n = 8192
    draw = torch.Generator(device="cuda").manual_seed(1)

    def random(dtype: torch.dtype) -> torch.Tensor:
        return torch.randn(n, n, generator=draw, device="cuda").to(dtype)

    found = []
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        a, b = random(dtype), random(dtype)
        half = torch.where(torch.rand(n, n, generator=draw, device="cuda") < 0.5, 0, a).to(dtype)
        tenth = torch.where(torch.rand(n, n, generator=draw, device="cuda") < 0.9, 0, a).to(dtype)
        for what, left in (
            ("random", a), ("half of A zero", half), ("nine tenths of A zero", tenth),
            ("A zero", torch.zeros_like(a)),
        ):  # fmt: skip
            run = lambda left=left, b=b: torch.matmul(left, b)  # noqa: E731
            found.append(Load(f"{name} product, {what}", run, float(n) ** 3, "MAC"))
    a8, b8 = (torch.randint(-128, 128, (n, n), device="cuda").to(torch.int8) for _ in range(2))
    zero = torch.zeros_like(a8)
    for what, left in (("random", a8), ("A zero", zero)):
        run = lambda left=left: torch._int_mm(left, b8)  # noqa: E731
        found.append(Load(f"int8 product, {what}", run, float(n) ** 3, "MAC"))
    return found


def measure(load: Load, handle: object) -> tuple[float, float, int]:
    """Seconds, joules and launches of a load that runs for about `SECONDS`."""
    load.launch()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    load.launch()
    torch.cuda.synchronize()
    launches = max(2, int(SECONDS / (time.perf_counter() - begin)))
    for _ in range(max(1, launches // 4)):  # clocks and temperature settle
        load.launch()
    torch.cuda.synchronize()
    first, begin = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle), time.perf_counter()
    for _ in range(launches):
        load.launch()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - begin
    return seconds, (pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) - first) / 1e3, launches


def main() -> None:
    """Measure everything, a row each."""
    pynvml.nvmlInit()
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    name = pynvml.nvmlDeviceGetName(handle)
    sheet = csv.writer(sys.stdout)
    sheet.writerow(["device", "load", "seconds", "joules", "amount", "unit", "watts"])
    first, begin = pynvml.nvmlDeviceGetTotalEnergyConsumption(handle), time.perf_counter()
    time.sleep(SECONDS)
    joules = (pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) - first) / 1e3
    seconds = time.perf_counter() - begin
    sheet.writerow([name, "idle", f"{seconds:.3f}", f"{joules:.3f}", 0, "none",
                    f"{joules / seconds:.1f}"])  # fmt: skip
    for load in [*loads(), *products()]:
        seconds, joules, launches = measure(load, handle)
        sheet.writerow(
            [name, load.name, f"{seconds:.4f}", f"{joules:.3f}", f"{launches * load.size:.6g}",
             load.unit, f"{joules / seconds:.1f}"]
        )  # fmt: skip
        sys.stdout.flush()


if __name__ == "__main__":
    main()
