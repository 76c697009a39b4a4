"""A flip is real: machines whose YAML holds the value have another winner."""

from __future__ import annotations

import math

import pytest

from accelsim import load_arch, simulate
from accelsim.arch.load import arch_source, published_names, shipped_names
from accelsim.errors import InputError
from accelsim.sweep.axes import FIELDS
from accelsim.sweep.flip import NARROW, Flip, Point, flips, shown
from accelsim.sweep.trials import Case, same_scratchpad
from accelsim.sweep.trios import SMALL
from tests.sweep import rivals


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Flip]:
    """Flips of a trace on which the candidate wins by a little at few lanes."""
    table = flips(rivals.trials(rivals.with_weights(rivals.drawn())))
    return {(flip.axis, flip.rival): flip for flip in table}


def test_every_axis_is_searched_against_both_rivals(found):
    names = [field.name for field in FIELDS] + ["batch", "density"]
    assert list(found) == [(name, rival) for name in names for rival in ("baseline", "third")]
    for flip in found.values():
        assert flip.factor is not None or flip.remark
        assert [point.factor for point in flip.points] == sorted({p.factor for p in flip.points})


def test_a_bracket_has_both_winners_and_is_narrow(found):
    flipped = [flip for flip in found.values() if flip.factor is not None]
    assert flipped
    for flip in flipped:
        speedups = {point.factor: point.speedup for point in flip.points}
        assert speedups[flip.wins_at] > 1 >= speedups[flip.loses_at]
        assert flip.factor in (flip.wins_at, flip.loses_at)
        ratio = max(flip.wins_at / flip.loses_at, flip.loses_at / flip.wins_at)
        whole = flip.axis in ("vector lanes", "outstanding lines", "scratchpad ports", "density")
        assert ratio <= NARROW or whole


def test_a_flip_is_that_of_machines_whose_yaml_has_the_value(found, tmp_path):
    trace = rivals.with_weights(rivals.drawn())
    flip = next(
        flip for flip in found.values() if flip.axis == "DRAM bandwidth" and flip.factor is not None
    )
    winners = []
    for factor in (flip.wins_at, flip.loses_at):
        totals = []
        for name in (getattr(SMALL, flip.rival), SMALL.candidate):
            bandwidth = flip.value_now * factor
            stacks = max(1, round(2 * 2 ** round(math.log2(factor))))
            path = tmp_path / "changed.yaml"
            path.write_text(
                f"extends: {name}\nname: changed\n"
                f"dram: {{level: simple, stacks: {stacks}, bandwidth: {bandwidth * 1e9:.0f} B/s}}\n"
            )
            totals.append(simulate(load_arch(str(path)), trace).total_ps)
        winners.append(totals[0] > totals[1])
    assert winners == [True, False]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize("name", [*shipped_names(), *published_names()])
def test_fields_change_with_what_belongs_to_them(name, field):
    source = arch_source(name)
    arch = source.arch()
    for factor in (0.5, 1.5, 4):
        try:
            changed = source.with_settings(
                same_scratchpad(source, field.settings(arch, factor))
            ).arch()
        except InputError as error:
            pytest.fail(f"x {factor}: {error}")
        assert changed.scratchpad_bytes == arch.scratchpad_bytes
        assert (changed.mac_rate, changed.clock, changed.array) == (
            arch.mac_rate, arch.clock, arch.array
        )  # fmt: skip
        assert math.copysign(1, field.value(changed) - field.value(arch)) == (
            1 if factor > 1 else -1
        )


def test_nobody_wins_within_one_per_cent():
    trials = rivals.trials(rivals.of(rivals.routed()))
    trials.now.totals.update(baseline=1000, third=1000, candidate=995)
    for flip in flips(trials):
        if flip.points:
            assert flip.remark.startswith("tie now") and flip.factor is None
    assert Point(1, 1, 1.009).tie and not Point(1, 1, 1.011).tie


def test_a_machine_that_is_refused_is_reported(monkeypatch):
    def refuse(self, case, role):
        if case.settings:
            raise InputError("leaves no scratchpad")
        return {"baseline": 200, "third": 150, "candidate": 100}[role]

    trials = rivals.trials(rivals.of(rivals.attention(rivals.drawn())))
    monkeypatch.setattr(type(trials), "total_ps", refuse)
    lanes = flips(trials, along=["vector lanes"])
    assert [flip.rival for flip in lanes] == ["baseline", "third"]
    for flip in lanes:
        assert "x 2 refused: leaves no scratchpad" in flip.remark
        assert "x 1/2 refused" in flip.remark and flip.factor is None


def test_the_batch_of_a_recipe_is_expanded_again(monkeypatch):
    asked = []

    def again(batch):
        asked.append(batch)
        return rivals.of(rivals.attention(rivals.stored()), batch=batch)

    trials = rivals.trials(rivals.of(rivals.attention(rivals.stored()), batch=2))

    def total(self, case, role):
        slow = {"baseline": 300, "third": 301, "candidate": 200}[role]
        return slow + 30 * case.trace.batch * (role == "candidate")

    monkeypatch.setattr(type(trials), "total_ps", total)
    flip = flips(trials, again, ["batch"])[0]
    assert set(asked) == {1, 3, 4}
    assert (flip.value_now, flip.value, flip.unit) == (2, 4, "sequences")
    assert flip.wins_at == 1.5 and flip.loses_at == 2


def test_without_a_recipe_there_is_one_batch(found):
    assert found["batch", "baseline"].remark == "not varied: a stored trace has no other batch"


def test_settings_that_are_equal_run_once(monkeypatch):
    trials = rivals.trials(rivals.of(rivals.attention(rivals.drawn())))
    case = Case(trials.trace)
    assert trials.total_ps(case, "baseline") == trials.total_ps(case, "baseline")
    monkeypatch.setattr(type(trials), "run", None)
    assert trials.total_ps(case, "baseline") > 0


def test_factors_as_text():
    assert [shown(f) for f in (2.0, 1.5, 0.25)] == ["2", "1.5", "1/4"]
