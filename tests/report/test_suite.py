"""Suites: the same bytes with any number of processes, what pays, and what is refused."""

from __future__ import annotations

import filecmp
import pickle

import pandas as pd
import pytest

from accelsim.arch.load import load_arch
from accelsim.cost.load import load_cost_table
from accelsim.errors import InputError
from accelsim.hardware.component import GROUPS
from accelsim.hardware.energy import energy_of
from accelsim.hardware.ratio import Span, energy_terms
from accelsim.hardware.steps import step_terms, summed
from accelsim.report.suite import Job, Run, load_suite, machines_of, run_job, suite_names
from accelsim.report.suite_areas import SPARSE_KINDS, areas_of
from accelsim.report.suite_figures import Figures
from accelsim.report.suite_findings import findings_text
from accelsim.report.suite_review import write_suite
from accelsim.report.suite_tables import SUITE_FILES
from accelsim.simulation import simulate
from accelsim.workload.catalogue import load_workload

TINY = """
name: tiny
title: A tiny suite
baseline: systolic_128
third: systolic_128_gather
candidate: sparse_v1
published: [sanger]
equal: area
other_costs: 7nm
workloads:
  - {workload: gpt2_small_decode_1k, shape: [simulated_layers=5, steps=3, length=40]}
  - {workload: sam_64k_b8, shape: [length=2], seeds: 5}
"""
FINDINGS = """It runs at {{ x("sam_64k_b8") }}, mean {{ mean() }}; scaled {{ how() }}.
Sparse logic {{ sparse() }}, of it FIFOs {{ sparse(kind="FIFOs and matching") }}; by {{ costs(1) }}
{{ area_ratio(table=1) }} and {{ grown(table=1) }} more rows. Energy {{ energy("sam_64k_b8") }}:
{{ needs("sam_64k_b8") }}, {{ energy_mean() }}, {{ token("sam_64k_b8") }},
{{ share("sam_64k_b8", "DRAM") }}, {{ sparse_energy() }}.
"""


@pytest.fixture
def suite(tmp_path):
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY)
    (tmp_path / "tiny.md").write_text(FINDINGS)
    return file


def test_a_suite_is_the_same_whoever_ran_it(suite, tmp_path):
    page, figures, said = write_suite(tmp_path / "one", str(suite), jobs=1)
    write_suite(tmp_path / "two", str(suite), jobs=2)
    names = sorted(path.name for path in (tmp_path / "one").iterdir() if path.is_file())
    assert {"index.html", "suite.csv", "samples.csv", "steps.csv", "findings.md"} <= set(names)
    _, differ, missing = filecmp.cmpfiles(tmp_path / "one", tmp_path / "two", names, shallow=False)
    assert (differ, missing) == ([], [])
    table = pd.read_csv(tmp_path / "one" / "suite.csv", keep_default_na=False)
    assert len(table) == 2 * 12 and not table["refused"].any()
    assert set(table["samples"]) == {5}
    steps = pd.read_csv(tmp_path / "one" / "steps.csv")
    mine = steps[(steps["workload"] == "gpt2_small_decode_1k") & (steps["role"] == "candidate")]
    total = table[(table["workload"] == "gpt2_small_decode_1k") & (table["role"] == "candidate")]
    assert mine["time_ps"].sum() == int(total["total_ps"].iloc[0])
    assert figures.pair("sam_64k_b8", "candidate").of == "seeds"
    _check_costs(tmp_path / "one", figures, said)
    text = page.read_text()
    assert "sanger (scaled)" in text and "http" not in text.replace("http://www.w3.org", "")


def _check_costs(folder, figures, said):
    """Rivals have the candidate's area; ratios are those of energies and times in the tables."""
    for name, file in SUITE_FILES.items():
        table = pd.read_csv(folder / f"{name}.csv", keep_default_na=False)
        assert list(table.columns) == [column.name for column in file.columns], name
    table = pd.read_csv(folder / "suite.csv").set_index(["workload", "role"])
    one = table.loc["gpt2_small_decode_1k"]
    sizes = one["area_mm2"][["baseline_equal", "third_equal"]] / one["area_mm2"]["candidate"]
    assert sizes.to_list() == pytest.approx([1, 1], rel=0.01)
    for role in ("candidate", "third_equal"):
        base = one.loc["baseline_equal"]
        energy = base["energy_pj"] / one.loc[role, "energy_pj"]
        assert one.loc[role, "energy_ratio_at_equal"] == pytest.approx(energy)
        time = base["total_ps"] / one.loc[role, "total_ps"]
        assert one.loc[role, "speedup_at_equal"] == pytest.approx(time)
        own = {"third_equal": "third_{}"}.get(role, role)
        ends = [
            one["total_ps"][f"baseline_{end}"] / one["total_ps"][own.format(end)]
            for end in ("low", "high")
        ]
        said_ends = [one.loc[role, f"speedup_at_equal_{end}"] for end in ("low", "high")]
        assert said_ends == pytest.approx([min(time, *ends), max(time, *ends)])
    for role in ("baseline_low", "baseline_high"):
        there = figures.energy_ratio("gpt2_small_decode_1k", "candidate", against=role)
        assert one.loc["candidate", "energy_ratio_at_equal_low"] <= there.low * (1 + 1e-8)
        assert one.loc["candidate", "energy_ratio_at_equal_high"] >= there.high * (1 - 1e-8)
    sizes = one["area_mm2"][["baseline_low", "baseline_equal", "baseline_high"]]
    assert sizes.is_monotonic_increasing and sizes.iloc[2] > 1.1 * sizes.iloc[0]
    ends = table[["energy_ratio_low", "energy_ratio", "energy_ratio_high"]].to_numpy()
    assert (ends[:, :-1] <= ends[:, 1:] * (1 + 1e-12)).all()
    published = figures.energy_ratio("gpt2_small_decode_1k", "published")
    third_of = one.loc["baseline", "energy_pj"] / 3  # it runs one step of three
    assert published.value == pytest.approx(third_of / one.loc["published", "energy_pj"], rel=0.1)
    area = pd.read_csv(folder / "area.csv")
    mine = area[(area["role"] == "candidate") & (area["cost_table"] == "45nm")]
    assert mine["area_mm2"].sum() == pytest.approx(one["area_mm2"]["candidate"])
    assert set(area[area["sparse"]]["group"]) <= set(SPARSE_KINDS)
    assert set(area["cost_table"]) == {"45nm", "7nm"}
    findings = (folder / "findings.md").read_text()
    assert "mm2 by 45nm" in findings and "more rows" in findings and "equal area" in said


def test_energy_of_steps_is_that_of_the_run():
    result = simulate(
        load_arch("sparse_v1"), load_workload("gpt2_small_decode_1k", ("steps=3", "length=40"))
    )
    table = load_cost_table("45nm")
    steps, whole = step_terms(result, table), energy_terms(energy_of(result, table).actions)
    assert list(steps) == [0, 1, 2]
    assert summed(steps.values()).keys() == whole.keys()
    for entry, spans in summed(steps.values()).items():
        assert spans == pytest.approx(whole[entry]), entry


def test_a_refused_pair_comes_back_from_its_process(suite, monkeypatch):
    def refuse(arch, trace):
        raise InputError("it cannot")

    monkeypatch.setattr("accelsim.report.suite.simulate", refuse)
    made, _ = load_suite(str(suite))
    job = Job("sam_64k_b8", ("length=2",), 0, machines_of(made)[0], "45nm")
    run = pickle.loads(pickle.dumps(run_job(job)))
    assert run.refused == "it cannot" and not run.energy


def test_findings_of_a_shipped_suite_can_be_filled_in():
    made, file = load_suite("sparse_12")
    machines = machines_of(made)
    runs = [
        Run(
            entry.workload, seed, machine.role, machine.arch.name, 100 + at, {(0, 0): 100 + at},
            energy={0: {"wire": Span(1.0, 2.0, 3.0 + at)}}, groups=dict.fromkeys(GROUPS, 0.2),
        )
        for entry in made.workloads
        for seed in range(entry.seeds)
        for at, machine in enumerate(machines)
    ]  # fmt: skip
    areas = areas_of(made, machines)
    text = findings_text(file.with_suffix(".md").read_text(), Figures(runs), areas)
    assert "{{" not in text and "refused" not in text
    for each in areas:
        assert sum(each.sparse("candidate").values()) == pytest.approx(
            each.of("candidate").sparse_mm2.value
        )


def test_all_shipped_suites_load():
    for name in suite_names():
        suite, file = load_suite(name)
        assert len(suite.workloads) >= 12 and file.with_suffix(".md").is_file()


def _run(role: str, total: int, layers: tuple[int, ...] = ()) -> Run:
    return Run("w", 0, role, role, total, {(0, n): time for n, time in enumerate(layers)})


@pytest.mark.parametrize(
    ("third", "candidate", "dense", "said"),
    [
        ((50, 50), (25, 24), (100, 100), "sparsity"),
        ((50, 50), (25, 24), (25, 24), "shape"),
        ((50, 50), (49, 51), (100, 100), "gather"),
        ((100, 100), (99, 101), (100, 100), "nothing"),
        ((100, 100), (120, 130), (100, 100), "loss"),
        ((100, 100), (30, 120), (100, 100), "open"),
    ],
)
def test_what_pays_is_said_with_its_spread(third, candidate, dense, said):
    given = {"baseline": (100, 100), "third": third, "candidate": candidate,
             "candidate_dense": dense}  # fmt: skip
    figures = Figures([_run(role, sum(layers), layers) for role, layers in given.items()])
    assert figures.gain("w") == said


@pytest.mark.parametrize(
    ("candidate", "low", "high", "said"),
    [
        (50, (90, 80), (60, 55), "sparsity"),
        (50, (90, 80), (49, 55), "open"),  # a baseline that may be larger is faster
        (50, (90, 80), (60, 49), "open"),
        (99, (100, 100), (70, 70), "open"),  # more than nothing may be lost
        (130, (110, 100), (90, 90), "loss"),
        (130, (131, 100), (90, 90), "open"),
    ],
)
def test_what_pays_holds_wherever_the_cost_table_is_right(candidate, low, high, said):
    given = {"baseline": 100, "third": 100, "candidate": candidate, "candidate_dense": 100}
    given |= {"baseline_equal": 100, "third_equal": 99, "baseline_low": low[0], "third_low": low[1]}
    given |= {"baseline_high": high[0], "third_high": high[1]}
    figures = Figures([_run(role, total, (total,)) for role, total in given.items()])
    assert figures.gain("w", equal=True) == said
    over = figures.over_table("w", "candidate", "baseline")
    ends = sorted(base / candidate for base in (100, low[0], high[0]))
    assert over == pytest.approx((ends[0], 100 / candidate, ends[2]))


def test_an_end_that_was_refused_leaves_the_sign_open():
    given = {"baseline": 100, "third": 100, "candidate": 130, "candidate_dense": 130}
    given |= {"baseline_equal": 100, "third_equal": 100, "third_low": 100}
    given |= {"baseline_high": 90, "third_high": 90}
    runs = [_run(role, total, (total,)) for role, total in given.items()]
    low = _run("baseline_low", 100, (100,))
    assert Figures([*runs, low]).gain("w", equal=True) == "loss"
    refused = Figures([*runs, low._replace(refused="no room")])
    assert refused.gain("w", equal=True) == "open"
    assert refused.over_table("w", "candidate", "baseline") is None


def test_findings_name_what_is_not_there():
    figures = Figures([_run("baseline", 4)])
    with pytest.raises(KeyError):
        findings_text('{{ x("unknown") }}', figures)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seeds: 5", "seeds: 0"), "seeds: is 0, expected more than 0"),
        (("sam_64k_b8", "sam_64k"), "unknown workload 'sam_64k'"),
        (("sanger", "tpu_v1"), "only a composed array is scaled"),
        (("baseline:", "base:"), "unknown key 'base'"),
        (("equal: area", "equal: size"), "equal: "),
        (("other_costs: 7nm", "costs: 6nm"), "unknown cost table '6nm'"),
    ],
)
def test_a_wrong_suite_is_refused_before_anything_runs(suite, tmp_path, change, said):
    suite.write_text(suite.read_text().replace(*change))
    with pytest.raises(InputError, match=said):
        write_suite(tmp_path / "out", str(suite))
    assert not (tmp_path / "out").exists()


def test_unknown_suites_name_the_known():
    with pytest.raises(InputError, match="did you mean 'sparse_12'"):
        load_suite("sparse12")
