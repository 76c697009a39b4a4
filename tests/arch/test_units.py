import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.arch.units import (
    BYTES,
    BYTES_PER_SECOND,
    DURATION,
    HERTZ,
    parse_bytes,
    parse_bytes_per_second,
    parse_clock,
    parse_duration,
    period_ps,
)

GOOD = [
    (parse_bytes, "24 MiB", 24 * 2**20),
    (parse_bytes, "448 KiB", 448 * 1024),
    (parse_bytes, "64 B", 64),
    (parse_bytes, "64B", 64),
    (parse_bytes, " 0 B ", 0),
    (parse_bytes, "1.5 KiB", 1536),
    (parse_bytes, "2 kB", 2000),
    (parse_bytes, "2 KB", 2000),
    (parse_bytes, "28 GiB", 28 * 2**30),
    (parse_bytes_per_second, "900 GB/s", 900 * 10**9),
    (parse_bytes_per_second, "1.2 TB/s", 1200 * 10**9),
    (parse_bytes_per_second, "9e2 GB/s", 900 * 10**9),
    (parse_bytes_per_second, "1 GiB/s", 2**30),
    (parse_clock, "1.05 GHz", 1_050_000_000),
    (parse_clock, "800 MHz", 800_000_000),
    (parse_duration, "20 ns", 20_000),
    (parse_duration, "7.5 ns", 7_500),
    (parse_duration, "3 us", 3_000_000),
    (parse_duration, "952 ps", 952),
]

BAD = [
    (parse_bytes, 64, "'64' has no unit, expected a size such as '24 MiB'"),
    (parse_bytes, "64", "has no unit"),
    (parse_bytes, "-64 B", "is negative"),
    (parse_bytes, "0.3 B", "is not a whole number of B"),
    (parse_bytes, "64 Mib", "unknown unit 'Mib'"),
    (parse_bytes, "64 GB/s", "unknown unit 'GB/s'"),
    (parse_bytes, "lots", "is not a figure"),
    (parse_bytes, "1 2 B", "is not a figure"),
    (parse_bytes, "1e999999999 B", "is not a figure"),
    (parse_bytes, "nan B", "is not a figure"),
    (parse_bytes, "", "is not a figure"),
    (parse_bytes, True, "'True' is not a figure"),
    (parse_bytes, None, "is not a figure"),
    (parse_bytes_per_second, 900, "expected a rate such as '900 GB/s'"),
    (parse_bytes_per_second, "900 GB", "unknown unit 'GB'"),
    (parse_clock, 1.05, "expected a frequency such as '1.05 GHz'"),
    (parse_clock, "1 ns", "unknown unit 'ns'"),
    (parse_clock, "0 Hz", "is not a clock"),
    (parse_clock, "2 THz", "is not a clock"),
    (parse_duration, "20", "expected a time such as '20 ns'"),
    (parse_duration, "0.5 ps", "is not a whole number of ps"),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_good_figures(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "message"), BAD)
def test_bad_figures_say_what_was_expected(parse, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text)


@pytest.mark.parametrize("quantity", [BYTES, BYTES_PER_SECOND, HERTZ, DURATION])
@given(value=st.integers(0, 10**15))
def test_written_figures_read_back(quantity, value):
    assert quantity.parse(quantity.format(value)) == value


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        (BYTES, 24 * 2**20, "24 MiB"),
        (BYTES, 1280, "1280 B"),
        (BYTES, 0, "0 B"),
        (BYTES_PER_SECOND, 900 * 10**9, "900 GB/s"),
        (HERTZ, 1_050_000_000, "1.05 GHz"),
        (DURATION, 7_500, "7.5 ns"),
        (DURATION, 20_000_000, "20 us"),
    ],
)
def test_figures_are_written_as_people_write_them(quantity, value, text):
    assert quantity.format(value) == text


@pytest.mark.parametrize(
    ("hertz", "period"), [(10**9, 1000), (1_050_000_000, 952), (1_600_000_000, 625), (10**12, 1)]
)
def test_a_clock_is_a_whole_number_of_picoseconds(hertz, period):
    assert period_ps(hertz) == period
