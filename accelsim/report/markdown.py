"""The summary of a report as Markdown, for a pull request or a chat."""

from __future__ import annotations

from accelsim.report.page.robust import helps
from accelsim.report.study import Study
from accelsim.report.terms import differs_line, equal_line
from accelsim.report.verdict import caveats, verdict
from accelsim.report.words import ROLE_TITLES, as_time, limit_text, times

OTHERS = ("third", "candidate", "candidate_dense")


def summary_text(study: Study, command: str) -> str:
    """Verdict, picture, speedups with their limits, terms, caveats, and how to make it again."""
    comparisons = study.comparisons
    lines = [
        f"**{verdict(comparisons, study.robustness)}**",
        "",
        "![speedup over the baseline](speedup.png)",
        "",
    ]
    heads = ["workload", "baseline", *(ROLE_TITLES[role] for role in OTHERS)]
    heads += ["baseline is limited by", "candidate is limited by"]
    lines += [_row(heads), _row(["---", *["---:"] * (1 + len(OTHERS)), "---", "---"])]
    for comparison in comparisons:
        cells = [f"`{comparison.trace.name}`", as_time(comparison.results["baseline"].total_ps)]
        for role in OTHERS:
            there = role in comparison.results
            cells.append(times(comparison.speedup(role)) if there else "-")
        cells += [limit_text(comparison.results[role]) for role in ("baseline", "candidate")]
        lines.append(_row(cells))
    lines.append("")
    for text in dict.fromkeys(f"equal: {equal_line(c)}" for c in comparisons):
        lines.append(f"- {text}")
    for text in dict.fromkeys(f"differs: {differs_line(c)}" for c in comparisons):
        lines.append(f"- {text}")
    lines += [f"- {text}" for text in helps(study)]
    lines += [f"- {text}" for text in caveats(comparisons)]
    lines += ["", f"[The whole report](index.html), made by `{command}`."]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
