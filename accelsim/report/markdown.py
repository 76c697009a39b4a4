"""The summary of a report as Markdown, for a pull request or a chat."""

from __future__ import annotations

import re

from accelsim.report.energy_words import area_lines, energy_line
from accelsim.report.page.robust import helps
from accelsim.report.study import Study
from accelsim.report.terms import differs_line, equal_line
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import ROLE_TITLES, as_time, equal_range_lines, limit_text, times

# What names of workloads and operators may hold and Markdown would read as marks.
_MARK = re.compile(r"[\\`*<\[$&]|(?<![^\W_])_|_(?![^\W_])")
OTHERS = ("third", "candidate", "candidate_dense")


def summary_text(study: Study, command: str) -> str:
    """Verdict, picture, speedups with their limits, terms, caveats, and how to make it again."""
    comparisons = study.comparisons
    lines = [
        f"**{_plain(verdict(comparisons, study.robustness))}**",
        "",
        "![speedup over the baseline](speedup.png)",
        "",
    ]
    heads = ["workload", "baseline", *(ROLE_TITLES[role] for role in OTHERS)]
    heads += ["baseline is limited by", "candidate is limited by"]
    lines += [_row(heads), _row(["---", *["---:"] * (1 + len(OTHERS)), "---", "---"])]
    for comparison in comparisons:
        cells = [_code(comparison.trace.name), as_time(comparison.results["baseline"].total_ps)]
        for role in OTHERS:
            there = role in comparison.results
            cells.append(times(comparison.speedup(role)) if there else "-")
        cells += [limit_text(comparison.results[role]) for role in ("baseline", "candidate")]
        lines.append(_row(cells))
    lines.append("")
    said = [f"equal: {equal_line(c)}" for c in comparisons]
    said += [f"differs: {differs_line(c)}" for c in comparisons]
    said += [line for c in comparisons for line in equal_range_lines(c)]
    said += area_lines(comparisons, study.costs)
    said += [energy_line(*pair) for pair in zip(comparisons, study.costs, strict=True)]
    said += [*helps(study), *caveats(comparisons, study.costs)]
    lines += [f"- {_plain(text)}" for text in dict.fromkeys(said)]
    lines += ["", f"[The whole report](index.html), made by {_code(command)}."]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    shown = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {shown} |"


def _plain(text: str) -> str:
    return _MARK.sub(lambda mark: f"\\{mark[0]}", text)


def _code(text: str) -> str:
    """Between more backticks than it holds in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if len(fence) > 1 else ""
    return f"{fence}{gap}{text}{gap}{fence}"
