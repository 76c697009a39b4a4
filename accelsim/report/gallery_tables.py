"""The figures behind the pictures of the gallery as tidy tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.report.plots.ablation import Ablation
from accelsim.report.plots.area import AreaBars
from accelsim.report.plots.bandwidth import BandwidthOverTime
from accelsim.report.plots.bank_conflicts import BankConflicts
from accelsim.report.plots.breakdown import Breakdown
from accelsim.report.plots.density import DensityCurves
from accelsim.report.plots.energy import EnergyBars
from accelsim.report.plots.flip import Flips
from accelsim.report.plots.gantt import Gantt
from accelsim.report.plots.index_cost import IndexCost
from accelsim.report.plots.roofline import Roofline
from accelsim.report.plots.speedup import SpeedupBars
from accelsim.report.plots.spread import Intervals
from accelsim.report.plots.utilisation import UtilisationOverTime
from accelsim.report.plots.validation import Points
from accelsim.report.plots.what_if import Gains


def speedups(data: SpeedupBars) -> pd.DataFrame:
    """One row a workload and machine."""
    rows = [
        (workload, role, value)
        for role, values in data.speedups.items()
        for workload, value in zip(data.workloads, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["workload", "role", "speedup"])


def energy(data: EnergyBars) -> pd.DataFrame:
    """One row a workload, machine and group of components."""
    rows = [
        (data.workloads[w], data.roles[r], data.groups[g], value)
        for (w, r, g), value in np.ndenumerate(data.energy_pj)
        if value == value
    ]
    return pd.DataFrame(rows, columns=["workload", "role", "group", "energy_pj"])


def area(data: AreaBars) -> pd.DataFrame:
    """One row a machine, group of components and whether they are there for sparsity alone."""
    rows = [
        (data.machines[m], data.groups[g], bool(sparse), value)
        for (m, g, sparse), value in np.ndenumerate(data.area_mm2)
    ]
    return pd.DataFrame(rows, columns=["machine", "group", "sparse", "area_mm2"])


def breakdown(data: Breakdown) -> pd.DataFrame:
    """One row a kind of operator, machine and part that took time."""
    rows = [
        (data.kinds[k], data.roles[r], data.parts[p], value)
        for (k, r, p), value in np.ndenumerate(data.time_ps)
        if value
    ]
    return pd.DataFrame(rows, columns=["kind", "role", "part", "time_ps"])


def utilisation(data: UtilisationOverTime) -> pd.DataFrame:
    """One row a machine, unit and bin."""
    rows = [
        (role, line.units[u], line.edges_ps[b], value)
        for role, line in zip(data.roles, data.timelines, strict=True)
        for (u, b), value in np.ndenumerate(line.busy)
    ]
    return pd.DataFrame(rows, columns=["role", "unit", "begin_ps", "part_of_peak"])


def roofline(data: Roofline) -> pd.DataFrame:
    """One row a dot."""
    return pd.DataFrame(data.dots)


def gantt(data: Gantt) -> pd.DataFrame:
    """One row a span."""
    rows = [
        (panel.title, panel.rows[row], data.kinds[kind], begin, end)
        for panel in data.panels
        for row, kind, begin, end in zip(
            panel.row.tolist(), panel.kind.tolist(), panel.begin.tolist(), panel.end.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["machine", "server", "kind", "begin_ps", "end_ps"])


def bandwidth(data: BandwidthOverTime) -> pd.DataFrame:
    """One row a machine, requester or buffer, and bin."""
    begin = data.edges_ps[:-1].tolist()
    rows = [
        (machine.label, name, what, at, value)
        for machine in data.machines
        for what, series in (("GB/s", machine.bandwidth), ("part claimed", machine.filled))
        for name, values in series.items()
        for at, value in zip(begin, values.tolist(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["machine", "name", "unit", "begin_ps", "value"])


def bank_conflicts(data: BankConflicts) -> pd.DataFrame:
    """One row a machine and number of lines waiting."""
    rows = [(data.labels[m], lines, value) for (m, lines), value in np.ndenumerate(data.waits)]
    return pd.DataFrame(rows, columns=["machine", "lines_waiting", "reads"])


def what_if(data: Gains) -> pd.DataFrame:
    """One row a change."""
    return pd.DataFrame(data.gains, columns=["change", "gain"])


def flip(data: Flips) -> pd.DataFrame:
    """One row a point that was tried, and where the winner changes along its axis."""
    rows = [
        (axis.name, axis.now, factor, speedup, axis.flip, axis.remark)
        for axis in data.axes
        for factor, speedup in axis.tried or ((None, None),)
    ]
    columns = ["axis", "value_now", "factor", "speedup", "flip_factor", "remark"]
    return pd.DataFrame(rows, columns=columns)


def ablation(data: Ablation) -> pd.DataFrame:
    """One row a unit that is taken away, after that of the whole machine."""
    return pd.DataFrame([("", data.whole), *data.without], columns=["without", "speedup"])


def spread(data: Intervals) -> pd.DataFrame:
    """One row a rival and what was varied."""
    none = (None, None, None)
    rows = [(row.over, row.rival, row.number, *(row.ends or none), row.remark) for row in data.rows]
    ends = ["geomean", "minimum", "maximum"]
    return pd.DataFrame(rows, columns=["over", "rival", "number", *ends, "remark"])


def validation(data: Points) -> pd.DataFrame:
    """One row a case."""
    rows = [
        (suite, judged, reference, model)
        for judged, suites in ((True, data.suites), (False, data.trends))
        for suite, columns in suites.items()
        for reference, model in zip(*columns, strict=True)
    ]
    return pd.DataFrame(rows, columns=["suite", "judged", "reference", "model"])


def density(data: DensityCurves) -> pd.DataFrame:
    """One row a point."""
    return pd.DataFrame(data.points)


def index_cost(data: IndexCost) -> pd.DataFrame:
    """One row a context length, MACs of one token and layer."""
    return pd.DataFrame(
        {
            "keys": data.lengths,
            "index_macs": data.prediction,
            "attention_macs": data.attention,
            "dense_macs": data.dense,
        }
    )
