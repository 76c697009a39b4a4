"""Suite `sparseloop`: energies of its tensor-core study (MICRO 2022, figure 15), level by level.

Six designs of 1,024 int8 MACs run four GEMMs at four densities of weights. Our energies are counts
of simulated actions times a cost table: that of the artifact (`tensor_core_study/costs.yaml`), so
that what differs is mechanism, and 45nm beside it. Dynamic energy alone: the artifact has no
leakage. No figure is fitted to these rows. The artifact keeps sums of 8 bits, ours have 32: what is
judged takes the energy of ours for 8 bits, what is shown beside it for 32.

What is held against each other: dense over sparse, which designs cost more than which, and every
level. Dense is the artifact's STC on dense weights; its own dense design, TC, is priced by another
table than the sparse ones (an estimator for 65 nm) and is shown, not judged. Where a GEMM is known
to part and why, see `PARTS`: shown, not judged.

Weights keep what the artifact's model takes them to keep: 2:4 for STC at all densities up to 0.5,
2:4, 2:6 and 2:8 for the flexible designs, random positions for DSTC. Not modelled: run-length
metadata of N:M weights, which take the 2 or 3 bits of an offset here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from accelsim.analysis.result import Result
from accelsim.arch.load import load_arch
from accelsim.arch.spec import Arch
from accelsim.cost.load import load_cost_table
from accelsim.cost.table import CostTable
from accelsim.hardware.energy import energy_of
from accelsim.simulation import simulate
from accelsim.validation.outcome import SIMULATED, TREND, Row
from accelsim.validation.published import bernoulli
from accelsim.validation.table import Line, read_table
from accelsim.workload.operators import Matmul
from accelsim.workload.patterns import CsrPattern, NmPattern, Pattern
from accelsim.workload.trace import Trace

BUILT_IN = ("sparseloop_energy.csv",)
STUDY = Path(__file__).with_name("cases") / "tensor_core_study"
COSTS = STUDY / "costs.yaml"
SOURCE = "Sparseloop artifact fig15 ref_outputs (MICRO 2022 Fig 15); model output not silicon"

LEVELS = ("mac", "operands", "sums", "scratchpad", "dram")
OTHER = "other"  # what the artifact does not have: queues, tags, PHY
MACHINES = {
    "TC": "tc",
    "STC": "stc",
    "STC-flexible": "stc",
    "STC-flexible-RLE": "stc",
    "STC-flexible-RLE-dual": "stc_dual_compress",
    "DSTC": "dstc",
}
OUR_SUM_BITS = 32
SUM_BITS = 8  # of the artifact; an access goes linearly with its bits
TOLERANCE = 0.25  # of a ratio
DISORDER = 0.05  # of the pairs of designs
SAME = 0.02  # two designs closer than this have no order
PARTS = {
    (128, 1152, 1024): "our loop nest fetches the weights again for every block of activations, 7"
    " times here; the artifact's mapper keeps all of them on chip",
}

_COLUMNS = ("design", "m", "k", "n", "activation_density", "weight_density", "energy_uj")
_STEPS = {0.5: 4, 0.3333: 6, 0.25: 8}  # density of weights: m of 2:m
_PAD = 48  # K of 2:6 weights goes up to whole passes of 16 kept values
_DENSE_FROM = 0.8  # DSTC leaves its bitmaps out where both operands are as dense as this
_PJ_PER_UJ = 1e6

Measure = Callable[[Result, CostTable], Mapping[str, float]]


@dataclass(frozen=True)
class Case:
    """A design on a GEMM: weights are m x k, activations k x n. `levels` : uJ of the artifact."""

    design: str
    m: int
    k: int
    n: int
    activations: float
    weights: float
    levels: Mapping[str, float]

    @property
    def total(self) -> float:
        """Energy that the artifact prints, uJ."""
        return self.levels["energy"]

    @property
    def gemm(self) -> tuple[int, int, int]:
        """Which GEMM."""
        return self.m, self.k, self.n

    @property
    def step(self) -> int:
        """M of the weights' 2:m pattern; 0 where they are dense or random."""
        if self.design in ("TC", "DSTC") or self.weights > max(_STEPS):
            return 0
        return 4 if self.design == "STC" else _STEPS[self.weights]

    @property
    def text(self) -> str:
        """How tables call it, without the design."""
        return f"M={self.m} K={self.k} N={self.n}, weights {self.weights:g}"


def read_rows(path: Path, measure: Measure | None = None) -> Iterator[Row]:
    """Run the designs on every GEMM of a CSV file: the rows of both cost tables.

    Parameters
    ----------
    path : Path
    measure : callable(result, table), optional
        Energy by level, pJ; by default that of `accelsim.hardware`.

    Raises
    ------
    InputError
        The file cannot be used; the message names line and column.
    """
    cases = read_cases(path)
    runs = _Runs()
    for name in (str(COSTS), "45nm"):
        table = load_cost_table(name)
        ours = [(measure or _measured)(runs.of(case), table) for case in cases]
        for bits in (SUM_BITS, OUR_SUM_BITS):
            found: list[Mapping[str, float]] = [with_sums(levels, bits) for levels in ours]
            text = f"{table.name}, sums of {bits} bits"
            judged = name == str(COSTS) and bits == SUM_BITS
            yield from ratio_rows(cases, found, text, judged)
            yield order_row(cases, found, text, judged)
        yield from level_rows(cases, ours, table.name)


def with_sums(levels: Mapping[str, float], bits: int) -> dict[str, float]:
    """The same energies with sums of so many bits."""
    sums = levels["sums"] * bits / OUR_SUM_BITS
    return {**levels, "sums": sums, "energy": levels["energy"] + sums - levels["sums"]}


def read_cases(path: Path) -> list[Case]:
    """The cases of a CSV file.

    Raises
    ------
    InputError
        The file cannot be used; the message names line and column.
    """
    table = read_table(path)
    levels = tuple(f"{name}_uj" for name in LEVELS)
    table.require((*_COLUMNS, *levels))
    return [_case(line) for line in table.lines]


def _case(line: Line) -> Case:
    design = line.choice("design", MACHINES)
    weights = line.number_at("weight_density")
    if weights not in (1.0, *_STEPS):
        line.choice("weight_density", [f"{known:g}" for known in (1.0, *_STEPS)])
    found = {name: line.number_at(f"{name}_uj") for name in (*LEVELS, "energy")}
    m, k, n = (line.integer(name, most=1 << 16) for name in "mkn")
    return Case(design, m, k, n, line.number_at("activation_density"), weights, found)


def study_machine(case: Case) -> Arch:
    """The design, with the N:M record that its weights have."""
    path = STUDY / f"{MACHINES[case.design]}.yaml"
    overrides = [f"array.formats.b.levels.0.m={case.step}"] if case.step else []
    return load_arch(path, overrides)


def study_trace(case: Case) -> Trace:
    """The GEMM: our A are its activations, our B transposed its weights."""
    random = case.design == "DSTC"
    sixths = case.weights == 0.3333 and (random or case.step == 6)
    k = math.ceil(case.k / _PAD) * _PAD if sixths else case.k
    weights: Pattern | None = None
    activations: Pattern | None = None
    if case.step:
        weights = _two_of(case.step, case.m, k)
    elif random and min(case.weights, case.activations) < _DENSE_FROM:
        weights = CsrPattern(*bernoulli(case.m, k, case.weights, 1), k)
    if case.design == "STC-flexible-RLE-dual" or weights is not None and random:
        activations = CsrPattern(*bernoulli(case.n, k, case.activations, 2), k)
    op = Matmul(
        scope="gemm", m=case.n, n=case.m, k=k, dtype="int8",
        activation_pattern=activations, weight_pattern=weights,
    )  # fmt: skip
    return Trace(name=case.text, operators=(op,), synthetic=True)


def _two_of(m: int, rows: int, columns: int) -> NmPattern:
    """Two random positions of every m."""
    order = np.random.default_rng(3).random((rows, columns // m, m), dtype=np.float32)
    offsets = np.sort(order.argsort(axis=2)[:, :, :2], axis=2)
    return NmPattern.from_offsets(2, m, offsets.reshape(rows, -1), columns)


class _Runs:
    """Results of cases; cases that a design does not tell apart are run once."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Result] = {}

    def of(self, case: Case) -> Result:
        """The result of a case."""
        told = (case.weights, case.activations) if case.design == "DSTC" else (case.step,)
        if case.design == "STC-flexible-RLE-dual":
            told = (case.step, case.activations)
        key = (MACHINES[case.design], case.gemm, *told)
        if key not in self._found:
            self._found[key] = simulate(study_machine(case), study_trace(case))
        return self._found[key]


def _measured(result: Result, table: CostTable) -> dict[str, float]:
    return by_level(energy_of(result, table).actions)


def by_level(actions: pd.DataFrame) -> dict[str, float]:
    """Dynamic energy by level of the study and in all, pJ.

    Parameters
    ----------
    actions : pandas.DataFrame
        Of an `Energy`: columns group, component, action, energy_pj.
    """
    moving = actions[actions["action"] != "leakage"]
    found = dict.fromkeys((*LEVELS, OTHER), 0.0)
    for group, component, energy in zip(
        moving["group"], moving["component"], moving["energy_pj"], strict=True
    ):
        found[_level(group, component)] += float(energy)
    found["energy"] = sum(found.values())
    return found


def _level(group: str, component: str) -> str:
    if group == "array":
        return {"MACs": "mac", "accumulators": "sums"}.get(component, "operands")
    if (group, component) == ("scratchpad", "banks") or group == "wires":
        return "scratchpad"
    return "dram" if group == "DRAM" else OTHER


def ratio_rows(
    cases: list[Case], ours: list[Mapping[str, float]], table: str, judged: bool
) -> Iterator[Row]:
    """Dense over sparse of every design, GEMM and density."""
    at = {(case.design, case.gemm, case.weights): number for number, case in enumerate(cases)}
    for dense, weights, label in (("STC", 1.0, SIMULATED), ("TC", None, TREND)):
        for number, case in enumerate(cases):
            base = at.get((dense, case.gemm, weights or case.weights))
            if base is None or case.design == "TC" or base == number:
                continue
            row = f"{table}: {dense} dense over {case.design}, {case.text}"
            if case.design in ("DSTC", "STC-flexible-RLE-dual"):
                row += f", activations {case.activations:g}"
            why = PARTS.get(case.gemm, "")
            yield Row(
                row,
                cases[base].total / case.total,
                round(ours[base]["energy"] / ours[number]["energy"], 4),
                label=label if judged and not why else TREND,
                source=f"{SOURCE}; parts: {why}" if why else SOURCE,
                tolerance=TOLERANCE,
                unit="ratio",
                group=case.design,
            )


def order_row(cases: list[Case], ours: list[Mapping[str, float]], table: str, judged: bool) -> Row:
    """Pairs of sparse designs on one GEMM and density of which the same one costs more."""
    pairs = agreed = 0
    for (one, mine), (other, yours) in combinations(zip(cases, ours, strict=True), 2):
        apart = abs(one.total - other.total) > SAME * max(one.total, other.total)
        alike = (one.gemm, one.weights) == (other.gemm, other.weights)
        if alike and apart and "TC" not in (one.design, other.design):
            pairs += 1
            agreed += (one.total > other.total) == (mine["energy"] > yours["energy"])
    return Row(
        f"{table}: pairs of sparse designs in the same order", pairs, agreed,
        label=SIMULATED if judged else TREND, source=SOURCE, tolerance=DISORDER, unit="pairs",
    )  # fmt: skip


def level_rows(cases: list[Case], ours: list[Mapping[str, float]], table: str) -> Iterator[Row]:
    """Energy of every design by level, all of its cases together."""
    for design in dict.fromkeys(case.design for case in cases):
        mine = [(case, found) for case, found in zip(cases, ours, strict=True)
                if case.design == design]  # fmt: skip
        for name in (*LEVELS, "energy"):  # what the artifact does not have is in the whole alone
            reference = sum(case.levels[name] for case, _ in mine)
            model = sum(found[name] for _, found in mine) / _PJ_PER_UJ
            yield Row(
                f"{table}: {design}, {'all levels' if name == 'energy' else name}",
                round(reference, 2), round(model, 2), label=TREND, source=SOURCE, unit="uJ",
            )  # fmt: skip
