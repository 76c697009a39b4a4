"""Area and energy on the console."""

from __future__ import annotations

import re

import pytest

from accelsim.cost.load import load_cost_table
from accelsim.hardware.compared import Costs, costs_of
from accelsim.hardware.component import GROUPS
from accelsim.hardware.known import energy_shares
from accelsim.hardware.ratio import Ratio
from accelsim.report.costs_text import area_lines, known_line, ratio_line, taken_as
from accelsim.report.text import comparison_text, run_text
from accelsim.report.words import as_energy, energy_unit, percent
from tests.report.test_text import shown

TABLE = load_cost_table("45nm")


@pytest.fixture(scope="module")
def costs(few) -> Costs:  # type: ignore[no-untyped-def]
    return costs_of(few, TABLE)


def test_a_run_says_what_it_spends(few, costs: Costs) -> None:  # type: ignore[no-untyped-def]
    energy, area = costs.energies["candidate"], costs.areas["candidate"]
    text = shown(run_text(few.results["candidate"], energy, area))
    for said in ("energy by 45nm: ", "TOPS/W", "energy-delay product", "area by 45nm: "):
        assert said in text
    assert as_energy(energy.summary["energy_pj"]) in text
    unit, size = energy_unit(energy.summary["energy_pj"] / 10)
    rows = text.split("hardware ")[1].split("figures: 45nm")[0].splitlines()[1:]
    parts = [float(re.sub(r"^-$", "0", cells[0])) for row in rows if (cells := of_group(row))]
    assert len(parts) == len(GROUPS) and unit in text
    assert sum(parts) == pytest.approx(energy.summary["energy_pj"] / size, rel=0.02)
    shares = [float(found) for row in rows for found in re.findall(r"([\d.]+) %", row)]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert "energy by" not in shown(run_text(few.results["candidate"]))
    assert "no area and energy: why" in shown(run_text(few.results["candidate"], why_not="why"))


def of_group(row: str) -> list[str]:
    """Cells behind the name of a group."""
    longest_first = sorted(GROUPS, key=len, reverse=True)
    name = next((each for each in longest_first if row.startswith(each)), "")
    return row[len(name) :].split() if name else []


def test_operators_have_their_energy_in_one_unit(few, costs: Costs) -> None:  # type: ignore[no-untyped-def]
    energy, area = costs.energies["candidate"], costs.areas["candidate"]
    text = shown(run_text(few.results["candidate"], energy, area))
    unit, size = energy_unit(energy.summary["energy_pj"] / 10)
    head, *rows = text.split("operator ")[1].split("\n\n")[0].splitlines()
    assert head.split()[-3] == unit
    spent = [float(re.findall(r"% +([\d.]+) +[A-Za-z]", row)[-1]) for row in rows]
    assert sum(spent) == pytest.approx(energy.operators["energy_pj"].sum() / size, rel=0.02)


def test_a_comparison_says_ratios_with_their_ranges(few, costs: Costs) -> None:  # type: ignore[no-untyped-def]
    text = " ".join(shown(comparison_text(few, costs=costs)).split())
    assert "machine area mm2 for sparsity energy" in text and "figures: 45nm" in text
    for title in ("energy", "area"):
        assert f"{title}: candidate " in text and f"{title}: +gather " in text
    assert "over the ranges of 45nm" in text
    assert "no area and energy: why" in shown(comparison_text(few, why_not="why"))


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Ratio(1.1, 1.07, 1.18, "DRAM"),
         "candidate 1.10x less than baseline (1.07x to 1.18x over the ranges of 45nm; decided by"
         " DRAM)"),
        (Ratio(0.5, 0.4, 0.8, "wire"),
         "candidate 2.00x more than baseline (1.25x to 2.50x over the ranges of 45nm; decided by"
         " wire)"),
        (Ratio(1.1, 0.9, 1.3, "sram read"),
         "candidate 1.10x less than baseline, but 1.11x more to 1.30x less over the ranges of 45nm:"
         " sign not established, it hangs on sram read"),
        (Ratio(1.0, 1.0, 1.0, "wire"), "candidate the same as baseline"),
    ],
)  # fmt: skip
def test_a_ratio_in_words(ratio: Ratio, said: str) -> None:
    assert ratio_line("candidate", "energy", ratio, "45nm") == said
    area = said.replace("less", "larger").replace("more", "smaller")
    assert ratio_line("candidate", "area", ratio, "45nm") == area


def test_what_is_not_known_well_is_one_line(few, costs: Costs) -> None:  # type: ignore[no-untyped-def]
    energy, area = costs.energies["candidate"], costs.areas["candidate"]
    known, spent = area.known, energy_shares(energy.actions)
    assert spent.unverified == pytest.approx(energy.summary["unverified_share"]) and spent.most
    line = known_line([energy], [area]).plain
    assert line == (
        f"figures: 45nm; of the energy {percent(spent.unverified)} (most of it {spent.most}) on"
        f" figures not looked up, {percent(spent.guessed)} assumed or scaled; of the area"
        f" {percent(known.unverified)} (most of it {known.most}) and {percent(known.guessed)}"
    )
    text = " ".join(shown(run_text(few.results["candidate"], energy, area)).split())
    assert text.count(line) == 1 and "warning: " + percent(spent.unverified) not in text


def test_a_comparison_says_the_least_and_most_of_its_machines(few, costs: Costs) -> None:  # type: ignore[no-untyped-def]
    shares = [energy_shares(energy.actions) for energy in costs.energies.values()]
    low, high = (pick(each.guessed for each in shares) for pick in (min, max))
    text = " ".join(shown(comparison_text(few, costs=costs)).split())
    assert low < high
    assert f"not looked up, {100 * low:.1f} to {percent(high)} assumed or scaled; of" in text
    assert text.count("figures: 45nm") == 1


def test_area_by_component_with_subtotals(costs: Costs) -> None:
    area = costs.areas["candidate"]
    lines = area_lines(area)
    rows = area.rows.set_index("component")
    assert lines[0].startswith("area and power by the cost table 45nm")
    for name, row in rows.iterrows():
        (line,) = [each for each in lines if re.search(rf"^(\S.*: |  ){name}( \*)?  ", each)]
        assert (" * " in line) == row["sparse"]
        assert ("unverified" in line) == row["unverified"]
        assert ("assumed" in line) == (row["mark"] == "assumed")
    (array,) = [line for line in lines if line.startswith("array ")]
    own = area.rows[area.rows["group"] == "array"]
    assert float(array.split()[1]) == pytest.approx(own["area_mm2"].sum(), rel=0.01)
    (chip,) = [line for line in lines if line.startswith("chip ")]
    assert float(chip.split()[1]) == pytest.approx(area.area_mm2.value, rel=0.01)
    assert max(map(len, lines)) <= 100
    assert {name for name, _ in taken_as(area)} <= set(rows.index)
    share = area.sparse_mm2.value / area.area_mm2.value
    assert lines[-1].endswith(f"{100 * share:.1f} % of the chip")
