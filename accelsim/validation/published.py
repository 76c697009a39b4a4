"""Suite `published`: published sparse accelerators from their YAML, on seeded random patterns.

SIGMA: every fold is three tasks (load, stream, empty the tree) in the event engine. DSTC, Eyeriss
v2's PE and 2:4 tensor cores: the dataflow's kernel on the pattern of each row. GAMMA: the whole
machine on Chung-Lu substitutes of its matrices (equal shape, nonzeros and multiplications), with
memory as its authors model it, a bandwidth; p2p-Gnutella31, whose substitute also has the right
number of outputs, is judged, the others are shown. ExTensor: likewise, and shown alone, because
which partial outputs its artifact brings back could not be told from its description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from accelsim.arch.composed import ComposedArray
from accelsim.arch.load import load_arch
from accelsim.engine.run import run
from accelsim.errors import InputError
from accelsim.kernels.flexible import (
    DRAIN,
    FOLD_COLUMNS,
    LOAD,
    STREAM,
    count_folds,
    flexible_folds,
    slice_counts,
)
from accelsim.mapping.composed import stored
from accelsim.mapping.dataflows import Problem, cheapest
from accelsim.mapping.dataflows.problem import Csr
from accelsim.mapping.machine import ARRAY, Machine, Work
from accelsim.mapping.plan import Plan
from accelsim.simulation import simulate
from accelsim.validation.outcome import FORMULA, PUBLISHED, SIMULATED, TREND, Row
from accelsim.validation.systolic import tpu_row
from accelsim.validation.table import Line, read_table
from accelsim.workload.arrays import INDEX, pointers
from accelsim.workload.graphs import chung_lu, transposed
from accelsim.workload.operators import Matmul
from accelsim.workload.patterns import CsrPattern
from accelsim.workload.trace import Trace

BUILT_IN = (
    "published_sigma.csv", "published_dstc.csv", "published_eyerissv2_pe.csv",
    "published_2to4.csv", "published_stc_casestudy.csv", "published_gamma.csv",
    "published_extensor.csv",
)  # fmt: skip
SHAPES = Path(__file__).with_name("cases") / "suitesparse_shapes.csv"

_COLUMNS = ("accelerator", "workload", "metric", "published_value")
_CHUNK = 1 << 24


def read_rows(path: Path) -> Iterator[Row]:
    """Run the rows of a table of published figures, one after another.

    Raises
    ------
    InputError
        The file cannot be used, or a row names an accelerator that no case is known for.
    """
    table = read_table(path)
    table.require(_COLUMNS)
    some = False
    for line in table.lines:
        for row in _row(line):
            some = True
            yield row
    if not some:
        raise InputError("holds no row that can be run", where=str(path), remedy="add one")


def _row(line: Line) -> list[Row]:
    name = line.text("accelerator")
    for start, case in _CASES.items():
        if name.startswith(start):
            return case(line)
    raise InputError(
        f"no case is known for '{name}'",
        where=line.where("accelerator"),
        remedy="known: " + ", ".join(_CASES),
    )


def _found(line: Line, pattern: str, expected: str) -> tuple[str, ...]:
    match = re.search(pattern, line.text("workload"))
    if match is None:
        raise InputError(
            f"expected {expected}, found '{line.text('workload')}'",
            where=line.where("workload"),
            remedy="correct the value",
        )
    return match.groups()


def _source(line: Line) -> str:
    return line.fields.get("source", "")


def bernoulli(rows: int, columns: int, density: float, seed: int) -> Csr:
    """Independent positions, kept with probability `density`."""
    rng = np.random.default_rng(seed)
    counts, indices = [], []
    step = max(1, _CHUNK // columns)
    for first in range(0, rows, step):
        kept = rng.random((min(step, rows - first), columns), dtype=np.float32) < density
        counts.append(kept.sum(axis=1))
        indices.append(np.nonzero(kept)[1].astype(INDEX))
    return pointers(np.concatenate(counts)), np.concatenate(indices)


# ---- SIGMA ---------------------------------------------------------------------------------
def _sigma(line: Line) -> list[Row]:
    m, n, k, density = _found(
        line, r"M=(\d+) N=(\d+) K=(\d+).*?density ([\d.]+)", "M=.. N=.. K=.. with a density"
    )
    cycles = sigma_cycles(int(m), int(n), int(k), float(density))
    case = f"SIGMA M={m} N={n} K={k} density {density}"
    reference = line.number_at("published_value")
    return [Row(case, reference, cycles, label=FORMULA, source=_source(line), tolerance=0.03)]


def sigma_cycles(m: int, n: int, k: int, density: float) -> int:
    """Cycles of shipped `sigma`'s array, fold by fold through the event engine."""
    arch = load_arch("sigma")
    array = arch.array
    assert isinstance(array, ComposedArray)
    width = array.noc.stream_words
    counts = np.zeros(-(-k // width), np.int64)
    rng = np.random.default_rng(0)
    step = max(1, _CHUNK // k)
    for first in range(0, m, step):  # a part of A at a time: 10^8 nonzeros need no memory
        kept = rng.random((min(step, m - first), k), dtype=np.float32) < density
        counts += slice_counts(np.nonzero(kept)[1].astype(INDEX), k, width)
    folds = np.zeros((int(count_folds(counts, array.macs)), FOLD_COLUMNS), np.int64)
    drain = array.reduce.latency_cycles
    flexible_folds(counts, array.macs, n, array.noc.load_words, drain, folds)
    plan = Plan(Machine(arch))
    for fold in folds.tolist():
        for part in (LOAD, STREAM, DRAIN):
            plan.task(ARRAY, Work(fold[part], fold[part], fold[part]), [])
    return run(plan.finish().program).total_ps // arch.clock_ps


# ---- DSTC ----------------------------------------------------------------------------------
def _dstc(line: Line) -> list[Row]:
    m, n, k, a, b = _found(
        line, r"(\d+)x(\d+)x(\d+) uniform; A density ([\d.]+); B density ([\d.]+)",
        "a size and two densities",
    )  # fmt: skip
    size = int(m), int(n), int(k)
    model = dstc_ratio(size, float(a), float(b))
    case = f"DSTC {m}x{n}x{k}, densities {a} and {b}: time over dense"
    reference = line.number_at("published_value")
    return [
        Row(case, reference, round(model, 4), label=PUBLISHED, source=_source(line),
            tolerance=0.15, group="DSTC", unit="ratio")
    ]  # fmt: skip


def dstc_ratio(size: tuple[int, int, int], a: float, b: float) -> float:
    """Cycles of shipped `dstc` on random operands over those on dense ones."""
    m, n, k = size
    array = load_arch("dstc").array
    assert isinstance(array, ComposedArray)
    sparse = Problem(
        m, n, k,
        None if a >= 1 else bernoulli(m, k, a, 1),
        None if b >= 1 else bernoulli(n, k, b, 2),
    )  # fmt: skip
    dense = cheapest(Problem(m, n, k), array)[1]
    return cheapest(sparse, array)[1].cycles / dense.cycles


# ---- Eyeriss v2 ----------------------------------------------------------------------------
def _eyeriss(line: Line) -> list[Row]:
    c, m, e, f, iact, weight = _found(
        line, r"C=(\d+) M=(\d+) E=(\d+) F=(\d+) iact density ([\d.]+) weight density ([\d.]+)",
        "C, M, E, F and two densities",
    )  # fmt: skip
    rows, depth, columns = int(e) * int(f), int(c), int(m)
    problem = Problem(
        rows, columns, depth,
        bernoulli(rows, depth, float(iact), 1), bernoulli(columns, depth, float(weight), 2),
    )  # fmt: skip
    layer = line.text("workload").split(":")[0]
    return [
        Row(f"Eyeriss v2 PE {layer}", line.number_at("published_value"), one_pe_cycles(problem),
            label=SIMULATED, source=_source(line), tolerance=0.07)
    ]  # fmt: skip


def one_pe_cycles(problem: Problem) -> int:
    """Cycles of one PE of shipped `eyeriss_v2` with a single MAC."""
    array = load_arch(
        "eyeriss_v2",
        ["array.pe_array.pes=1", "array.pe_array.lanes=1", "array.dataflows.0.b_per_cycle=1"],
    ).array
    assert isinstance(array, ComposedArray)
    return cheapest(problem, array)[1].cycles


# ---- tensor cores --------------------------------------------------------------------------
def _two_of_four(rows: int, columns: int, density: float) -> Csr:
    """At most 2 of 4, `density` <= 0.5 of all positions kept on average."""
    rng = np.random.default_rng(3)
    groups = rows * columns // 4
    order = rng.random((groups, 4), dtype=np.float32).argsort(axis=1)
    whole = int(4 * density)
    kept = whole + (rng.random(groups) < 4 * density - whole)
    mask = (order < kept[:, None]).reshape(rows, columns)
    return pointers(mask.sum(axis=1)), np.nonzero(mask)[1].astype(INDEX)


def _a100(line: Line) -> list[Row]:
    metric, text = line.text("metric"), line.text("published_value")
    arch = load_arch("sparse_tensor_core_2_4")
    array = arch.array
    assert isinstance(array, ComposedArray)
    source = _source(line)
    workload = line.text("workload")
    case = f"2:4 tensor core, {workload}: {metric}"
    if metric.startswith(("TFLOPS", "TOPS")):
        size = 4 * 432
        weights = _two_of_four(size, 1024, 0.5)
        dense = cheapest(Problem(size, size, 1024), array)[1].cycles
        sparse = cheapest(Problem(size, size, 1024, None, weights), array)[1].cycles
        ratio = float(re.findall(r"\(([\d.]+)x\)", text)[0])
        return [
            Row(f"2:4 tensor core, {workload}: sparse over dense", ratio, dense / sparse,
                label=PUBLISHED, source=source, tolerance=0, unit="ratio")
        ]  # fmt: skip
    if metric == "bits ratio":
        value = 1 if "int8" in workload else 2
        held = stored(array.formats.b, _two_of_four(256, 256, 0.5), 256, 256, value)
        return [
            Row(case, float(text), held.total / (256 * 256 * value), label=FORMULA,
                source=source, tolerance=0, unit="ratio")
        ]  # fmt: skip
    return []  # end to end on a whole chip: not modelled; the cycle ratio is in the case study


def _case_study(line: Line) -> list[Row]:
    name = line.text("accelerator")
    m, k, n, act, weight = (
        float(text)
        for text in _found(
            line, r"M=(\d+) K=(\d+) N=(\d+) act density ([\d.]+) weight density ([\d.]+)",
            "M, K, N and two densities",
        )
    )  # fmt: skip
    if "flexible" in name or line.text("metric") != "cycles":
        return []  # variants that only its own model knows
    rows, depth, columns = int(m), int(k), int(n)
    case = f"{name} M={rows} K={depth} N={columns}, weights {weight:g}"
    reference = line.number_at("published_value")
    if name.endswith("DSTC"):
        # Its model knows densities, not patterns, and another array: shown beside ours.
        model = dstc_ratio((rows, columns, depth), weight, act) * rows * depth * columns / 1024
        case += f", activations {act:g}"
        return [Row(case, reference, round(model), label=TREND, source=_source(line))]
    array = load_arch("sparse_tensor_core_2_4", ["array.pe_array.pes=4"]).array
    assert isinstance(array, ComposedArray)
    sparse = name.endswith("STC") and weight <= 0.5
    # Its weights are the M side; ours are B.
    weights = _two_of_four(rows, depth, weight) if sparse else None
    model = cheapest(Problem(columns, rows, depth, None, weights), array)[1].cycles
    return [Row(case, reference, model, label=FORMULA, source=_source(line), tolerance=0)]


# ---- GAMMA and ExTensor --------------------------------------------------------------------
def _graph(line: Line) -> list[Row]:
    """A x A on a substitute of a SuiteSparse matrix, on the whole of GAMMA or ExTensor."""
    if line.text("metric") != "time":
        return []
    machine = line.text("accelerator")
    (matrix,) = _found(line, r"A\*A (\S+)", "A*A and a matrix")
    shapes = {shape.text("matrix"): shape for shape in read_table(SHAPES).lines}
    if matrix not in shapes:
        raise InputError(
            f"no substitute is known for '{matrix}'",
            where=line.where("workload"),
            remedy="known: " + ", ".join(shapes),
        )
    shape = shapes[matrix]
    pattern = chung_lu(
        shape.integer("rows"),
        shape.integer("nnz"),
        shape.number_at("powerlaw_exponent_matching_multiplies"),
    )
    # The one substitute whose number of outputs is right too; ExTensor's is not judged (see page).
    tight = matrix == "p2p-Gnutella31" and machine == "GAMMA"
    case = f"{matrix} with {shape.number_at('powerlaw_nnzout_ratio'):g}x its outputs"
    rows = [_graph_row(line, machine, case, pattern, "simple", tight)]
    if tight:
        rows.append(_graph_row(line, machine, case, pattern, "request", False))
    return rows


def _graph_row(
    line: Line, machine: str, case: str, pattern: CsrPattern, level: str, judged: bool
) -> Row:
    size = pattern.rows
    op = Matmul(
        scope="A x A", m=size, n=size, k=size, dtype="fp32",
        activation_pattern=pattern, weight_pattern=transposed(pattern),
    )  # fmt: skip
    trace = Trace(name=case, operators=(op,), synthetic=True)
    arch = load_arch(machine.lower(), [f"dram.level={level}"])
    total = simulate(arch, trace).total_ps
    memory = "a bandwidth" if level == "simple" else "every DRAM command"
    return Row(
        f"{machine} A x A, substitute of {case}, memory as {memory}",
        line.number_at("published_value"),
        round(total / 1000),
        label=SIMULATED if judged else TREND,
        source=_source(line),
        tolerance=0.10 if judged else None,
        unit="ns",
    )


def _systolic(line: Line) -> list[Row]:
    """The rows of suite `systolic` that come in the same columns."""
    return [replace(tpu_row(line), tolerance=0)]


_CASES: dict[str, Callable[[Line], list[Row]]] = {
    "TPU-like": _systolic,
    "SIGMA": _sigma,
    "DSTC": _dstc,
    "Eyeriss": _eyeriss,
    "A100": _a100,
    "Sparseloop STC model": lambda line: [],
    "Sparseloop": _case_study,
    "GAMMA": _graph,
    "ExTensor": _graph,
}
