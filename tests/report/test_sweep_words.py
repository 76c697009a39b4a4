"""Values, figures and axes of a sweep as text."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.analysis.levels import Level
from accelsim.report.sweep_words import (
    axis_of,
    figure_text,
    level_text,
    listed,
    name_text,
    settings,
    value_text,
)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("bandwidth_bytes_per_s", 450_000_000_000, "450 GB/s"),
        ("bandwidth_bytes_per_s", 1_995_543_210_987.0, "1.996 TB/s"),
        ("scratchpad_bytes", np.float64(24 * 2**20), "24 MiB"),
        ("scratchpad_bytes", 24 * 2**20 + 1, "24.0 MiB"),
        ("clock_hz", 1_050_000_000, "1.05 GHz"),
        ("latency_ps", 7_500, "7.5 ns"),
        ("rows", np.int64(16384), "16,384"),
        ("ports", 0.5, "0.5"),
        ("gather", True, "true"),
        ("kind", "2:4", "2:4"),
        ("kind", np.nan, "-"),
    ],
)
def test_values_of_parameters(column, value, text):
    assert value_text(column, value) == text


def test_bins_show_their_ends():
    assert level_text("x_bytes", Level(2**20, 2_752_512)) == "1 MiB to 2.62 MiB"
    assert level_text("x_bytes", Level(2**20, 2**20)) == "1 MiB"
    assert level_text("x", Level(0.12345, 0.5)) == "0.123 to 0.5"


def test_figures_and_axes():
    assert figure_text("total_ps", 1.5e9) == "1.50 ms"
    assert figure_text("area_mm2", 0.01234) == "0.0123 mm²"
    assert figure_text("effectual_macs", 1.2e12) == "1.2e+12 MACs"
    assert name_text("total_ps") == "total time" and name_text("dram_bytes") == "dram bytes"
    assert axis_of("dram_bytes", 3 * 2**30) == ("dram bytes (GiB)", 2**30)
    assert axis_of("cost", 5) == ("cost", 1)
    assert figure_text("energy_pj", 1.64e10) == "16.4 mJ" and name_text("energy_pj") == "energy"
    assert axis_of("token_pj", 2e7) == ("energy of a token (uJ)", 1e6)
    assert axis_of("tops_per_w", 2) == ("TOPS per W", 1)
    assert figure_text("tops_per_w", 2) == "2.00"
    assert figure_text("edp_js", 2.83e-6) == "2.83e-06 J s"
    assert figure_text("peak_power_w", 298.07) == "298 W"


def test_settings_leave_out_what_a_design_does_not_have():
    row = {"a_bytes": 1024, "b": np.nan}
    assert settings(row, {"a_bytes": "a", "b": "b"}) == ["a 1 KiB"]
    assert (listed(["a", "b", "c"]), listed(["a"]), listed([])) == ("a, b and c", "a", "")
