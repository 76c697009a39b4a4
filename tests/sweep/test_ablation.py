"""Units of the candidate taken away, as its YAML could."""

from __future__ import annotations

import pytest

from accelsim import load_arch, simulate
from accelsim.errors import InputError
from accelsim.sweep.ablation import ablation
from accelsim.sweep.trios import SMALL
from accelsim.workload.patterns import attention_rule
from tests.sweep import rivals

KEPT = attention_rule("topk_decay", units=4, q_len=256, kv_len=256, k=16, seed=1)
TRACE = rivals.of(rivals.attention(KEPT, heads=4))
# The shipped machine's scatter unit has a port so narrow that its vector lanes are faster.
SCATTERS = (
    "vector.lanes=16",
    "scratchpad.shares.array={read: 176 B, write: 64 B}",
    "scratchpad.shares.scatter={read: 144 B, write: 144 B}",
)


def losses(trace, *overrides):
    return {each.name: each for each in ablation(rivals.trials(trace, *overrides))}


@pytest.fixture(scope="module")
def attention():
    return losses(TRACE)


def test_every_unit_of_the_candidate_is_taken_away(attention):
    assert list(attention) == [
        "gather unit", "index unit", "scatter unit", "window of duplicates",
        "run-ahead of the FIFOs", "run-ahead of a tile", "all sparse computing",
    ]  # fmt: skip
    assert not any(each.refused for each in attention.values())


def test_the_loss_is_that_of_the_yaml(attention, tmp_path):
    written = {
        "index unit": "index: null\non_chip: 383 KiB\n",
        "run-ahead of the FIFOs": "array: {fifo_depth: 1, fifo_storage: 2 KiB}\non_chip: 370 KiB\n",
        "all sparse computing": "mapping: {sparsity: false}\n",
    }
    before = simulate(load_arch(SMALL.candidate).at_dram_level("simple"), TRACE).total_ps
    for name, text in written.items():
        path = tmp_path / "without.yaml"
        path.write_text(f"extends: {SMALL.candidate}\nname: without\n{text}")
        total = simulate(load_arch(str(path)).at_dram_level("simple"), TRACE).total_ps
        assert attention[name].loss == total / before, name


def test_without_scatter_a_workload_that_never_scatters_loses_nothing(attention):
    assert attention["scatter unit"].loss == 1
    assert losses(rivals.of(rivals.scattered()))["scatter unit"].loss == 1
    assert losses(rivals.of(rivals.scattered()), *SCATTERS)["scatter unit"].loss > 1.2


def test_without_index_unit_nothing_is_known_of_a_pattern_in_the_run(attention):
    """It falls back to what needs no union: whole blocks, as the baseline."""
    assert attention["index unit"].loss == attention["all sparse computing"].loss > 1.5
    static = losses(rivals.of(rivals.attention(KEPT, heads=4, selection="static")))
    assert static["index unit"].loss < 1.01 < static["all sparse computing"].loss


def test_what_the_loader_refuses_is_reported(monkeypatch):
    def refuse(arch):
        yield "half a unit", [("vector.lanes", 0)]

    monkeypatch.setattr("accelsim.sweep.ablation.removals", refuse)
    (row,) = losses(rivals.of(rivals.attention(rivals.drawn()))).values()
    assert row.loss is None and "lanes" in row.refused


def test_a_systolic_candidate_has_no_sparse_units():
    trials = rivals.trials(rivals.of(rivals.attention(rivals.drawn())))
    trials.machines = {**trials.machines, "candidate": trials.machines["baseline"]}
    assert [each.name for each in ablation(trials)] == ["window of duplicates"]


def test_a_machine_that_does_not_run_at_all_is_an_error():
    with pytest.raises(InputError):
        rivals.trials(rivals.of(rivals.attention(rivals.drawn())), "on_chip=1 KiB").arch("third")
