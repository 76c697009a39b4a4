"""Where the time went between two results."""

from __future__ import annotations

import json

import pytest

from accelsim import load_arch, load_trace, simulate
from accelsim.analysis.difference import difference
from accelsim.analysis.saved import read_saved
from accelsim.errors import InputError
from accelsim.report.words import without_layer


@pytest.fixture(scope="module")
def results():
    trace = load_trace("tiny_moe_lm")
    changes = ([], ["dram.bandwidth=100 GB/s", "clock=0.5 GHz"])
    return [simulate(load_arch("systolic_128", c), trace).as_json() for c in changes]


def test_parts_sum_to_the_totals(results):
    found = difference(*results, without_layer)
    for rows in (found.operators, found.units):
        assert sum(row.before_ps for row in rows) == found.before_ps
        assert sum(row.after_ps for row in rows) == found.after_ps > found.before_ps
        changes = [abs(row.change_ps) for row in rows]
        assert changes == sorted(changes, reverse=True)
    assert len({row.name for row in found.operators}) == len(found.operators) < 46
    assert any(row.limited_by[0] != row.limited_by[1] for row in found.operators)
    assert ("clock_ghz", 1.0, 0.5) in found.facts
    assert all(before != after for _, before, after in found.facts)


def test_a_result_does_not_differ_from_itself(results):
    found = difference(results[0], results[0])
    assert not found.facts and not any(row.change_ps for row in found.operators)


def test_operators_of_one_side_only_count_from_nothing(results):
    shorter = {**results[0], "operators": results[0]["operators"][:-1]}
    gone = results[0]["operators"][-1]
    row = next(r for r in difference(results[0], shorter).operators if r.name == gone["scope"])
    assert (row.before_ps, row.after_ps) == (gone["time_ps"], 0) and row.limited_by[1] == ""


def test_the_command_says_it_and_refuses_what_is_no_result(results, tmp_path, cli):
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, result in zip(files, results, strict=True):
        file.write_text(json.dumps(result))
    done = cli("diff", *files, "--rows", "3")
    assert done.code == 0 and "unit on the critical path" in done.out and "more:" in done.out
    assert cli("diff", files[0], files[0]).code == 0
    for content, said in (("{}", "has no 'summary'"), ("x", "is not JSON"), ("[1]", "has no")):
        files[1].write_text(content)
        with pytest.raises(InputError, match=said):
            read_saved(files[1])
    done = cli("diff", files[0], tmp_path / "none.json")
    assert done.code == 3 and "cannot be read" in done.err
