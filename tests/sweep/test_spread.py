"""Spreads over layers, placements, seeds and texts; what cannot be varied says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accelsim.analysis.sections import over_layers
from accelsim.simulation import compare
from accelsim.sweep.robustness import robustness
from accelsim.sweep.spread import FURTHER, spreads
from tests.sweep import rivals


def study(trace, *, texts=()):
    archs = {role: source.arch() for role, source in rivals.machines().items()}
    comparison = compare(archs["baseline"], archs["candidate"], trace, archs["third"])
    trials = rivals.trials(trace)
    trials.level = None
    found = spreads(trials, comparison, texts)
    return {(each.over, each.rival): each for each in found}, comparison


def layers(seed=1):
    first = rivals.attention(rivals.drawn(seed=seed), scope="L0.attention")
    last = rivals.attention(rivals.drawn(24, seed + 1), scope="L1.attention", inputs=(0,))
    return rivals.of(first, last)


@pytest.fixture(scope="module")
def studied():
    return study(layers())


def test_rules_are_drawn_again_and_tensors_placed_again(studied):
    found, comparison = studied
    for over, number in (("layers", 2), ("placements", FURTHER + 1), ("seeds", FURTHER + 1)):
        for rival in ("baseline", "third"):
            within = found[over, rival]
            assert len(within.speedups) == number
            assert within.spread.minimum <= within.spread.geomean <= within.spread.maximum
    assert found["layers", "baseline"].speedups == tuple(over_layers(comparison))
    assert found["seeds", "baseline"].speedups[0] == comparison.speedup()
    assert len(set(found["seeds", "baseline"].speedups)) > 1
    assert "synthetic" in found["texts", "baseline"].remark


def test_placements_that_were_compared_are_taken(studied):
    _, comparison = studied
    elsewhere = {"baseline": [10, 10], "third": [9, 11], "candidate": [11, 9]}
    trials = rivals.trials(layers())
    trials.level = None
    found = spreads(trials, replace(comparison, elsewhere=elsewhere))
    within = next(w for w in found if w.over == "placements" and w.rival == "baseline")
    assert within.speedups == (comparison.speedup(), 10 / 11, 10 / 9)
    assert within.spread == replace(comparison, elsewhere=elsewhere).placement_spread()
    assert within.spread.verdict == "sign not established"


def test_a_stored_trace_has_no_seed_and_one_text():
    found, _ = study(rivals.of(rivals.attention(rivals.stored()), synthetic=False))
    assert found["seeds", "baseline"].remark.startswith("not varied: nothing in the trace")
    assert found["texts", "baseline"].remark == "not varied: one text"
    assert found["layers", "baseline"].spread is None


def captured():
    """Two sequences that keep different keys, and their routing."""
    pattern = rivals.stored(rows=4 * rivals.LENGTH)
    moe = rivals.routed(2 * rivals.LENGTH)
    return rivals.of(
        rivals.attention(pattern, batch=2), replace(moe, inputs=(0,)), batch=2, synthetic=False
    )


def test_each_sequence_stands_for_all_of_them():
    found, _ = study(captured())
    assert len(found["texts", "baseline"].speedups) == 2


def test_captures_of_other_texts_are_taken():
    trace = captured()
    other = rivals.of(rivals.attention(rivals.stored(0.3)), synthetic=False, name="other")
    found, comparison = study(trace, texts=[other])
    speedups = found["texts", "third"].speedups
    assert len(speedups) == 2 and speedups[0] == comparison.results["third"].total_ps / (
        comparison.results["candidate"].total_ps
    )


def test_all_of_it_as_plain_data():
    import json

    trace = captured()
    machines = rivals.machines("dram.level=simple")
    archs = {role: source.arch() for role, source in machines.items()}
    comparison = compare(archs["baseline"], archs["candidate"], trace, archs["third"])
    said = []
    found = robustness(
        machines, trace, comparison, parts=("ablation", "spreads"),
        progress=lambda text, done, of: said.append((text, done, of)),
    )  # fmt: skip
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert plain["flips"] == [] and plain["ablation"] and plain["spreads"][0]["over"] == "layers"
    assert said and all(0 <= done < of for _, done, of in said)


def test_an_unknown_part_is_refused():
    with pytest.raises(Exception, match="flip"):
        robustness({}, captured(), None, parts=("flip",))
