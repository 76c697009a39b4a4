"""Published machines made equal to a baseline: what is equal then, and what is refused."""

from __future__ import annotations

import pytest

from accelsim import load_arch
from accelsim.arch.equal import equalities
from accelsim.arch.load import resolved_yaml
from accelsim.arch.scale import scaled_to
from accelsim.errors import InputError

FIT = ("sparse_tensor_core_2_4", "sigma", "sanger", "spatten", "dstc", "s2ta", "highlight")


@pytest.mark.parametrize("name", FIT)
def test_all_that_a_fair_comparison_needs_is_equal(name, tmp_path):
    baseline, own = load_arch("systolic_128"), load_arch(name)
    made = scaled_to(own, baseline)
    unequal = [row.name for row in equalities([baseline, made])[1] if row.required]
    assert unequal in ([], ["load unit"])  # its own duplicate window, at most
    assert made.load.lines_per_cycle == baseline.load.lines_per_cycle
    assert made.load.return_bytes_per_cycle == baseline.load.return_bytes_per_cycle
    assert made.array.formats == own.array.formats and made.array.dataflows == own.array.dataflows
    file = tmp_path / "made.yaml"
    file.write_text(resolved_yaml(made))
    assert load_arch(file) == made


def test_what_feeds_the_pes_grows_with_them():
    own, baseline = load_arch("sanger"), load_arch("systolic_128")
    made = scaled_to(own, baseline)
    factor = made.array.pe_array.pes / own.array.pe_array.pes
    assert factor == 16
    assert made.array.noc.stream_words == factor * own.array.noc.stream_words
    assert made.array.operand_storage == factor * own.array.operand_storage
    assert made.index.compares_per_cycle == factor * own.index.compares_per_cycle
    shares = made.scratchpad.shares.of_units().values()
    assert sum(share.read for share in shares) <= made.scratchpad.read_bytes_per_cycle


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tpu_v1", "tpu_v1: only a composed array is scaled"),
        ("extensor", "extensor: cannot be scaled to systolic_128: .*leaves no scratchpad"),
    ],
)
def test_what_cannot_be_scaled_says_why(name, said):
    with pytest.raises(InputError, match=said):
        scaled_to(load_arch(name), load_arch("systolic_128"))
