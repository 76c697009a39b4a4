"""The generated pages by name, and writing them; `python -m tools.docs.pages FOLDER` writes all."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from accelsim.arch.load import arch_source, published_names, shipped_names
from accelsim.arch.part import Part
from accelsim.arch.parts import part_folder, part_names
from accelsim.arch.spec import Arch
from accelsim.config.tree import read_tree
from accelsim.cost.spec import TableFile
from accelsim.report.suite import Suite
from accelsim.report.suite_tables import SUITE_GROUPS
from accelsim.sweep.plan import Plan, load_plan, plan_names
from accelsim.workload.recipes.recipe import Recipe
from tools.docs import commands, metrics, modelled, rules, shipped
from tools.docs.markdown import page
from tools.docs.schema import Model, anchor_of, paths_given, record_section, records

Users = Mapping[str, list[str]]


def architecture_page() -> str:
    """Every field of an architecture but those of DRAM parts."""
    names = [*shipped_names(), *published_names()]
    users = users_of((name, arch_source(name).tree.data) for name in names)
    return page(
        "Fields of an architecture",
        "An architecture is a YAML file. `extends: NAME` in its first line lays it over a shipped"
        " one; `--set PATH=VALUE` changes a field of any. `[]` stands for an entry of a list, which"
        " a path names by its number: `array.shapes.0.rows`. The fields of `dram.part` are those"
        " of [DRAM parts](dram_parts.md).",
        *sections(Arch, "arch", users, {record.model: "dram_parts.md" for record in records(Part)}),
    )


def part_page() -> str:
    """Every field of a DRAM part."""
    trees = ((n, read_tree(part_folder() / f"{n}.yaml", n, "a part").data) for n in part_names())
    return page(
        "Fields of a DRAM part",
        "`dram.part` of an architecture names a shipped part or a YAML file with these fields.",
        *sections(Part, "part", users_of(trees)),
    )


def recipe_page() -> str:
    """Every field of a recipe, and the rules."""
    return page(
        "Fields of a recipe",
        "A file describes a model and, under `recipes`, runs of it by name: each gives the fields"
        " of `run`, under `set` changes of the model (`path: value`), and `patterns` if it has its"
        " own. [How to write one](../recipes.md).",
        *sections(Recipe, "recipe", {}),
        "## Rules of patterns\n\nWhat `rule` of a pattern may name; rows, columns and lengths are"
        " filled in.\n\n" + rules.pattern_rules(),
        "## Rules of indices\n\nWhat `rule` of a list of indices or of a routing may name.\n\n"
        + rules.array_rules(),
    )


def plan_page() -> str:
    """Every field of a sweep's plan, and of a suite."""
    users = users_of((name, load_plan(name)[1].data) for name in plan_names())
    return page(
        "Fields of a sweep and of a suite",
        "[How to write a plan](../sweeps.md). A suite (`accelsim review --suite`) is the file at"
        " the end.",
        *sections(Plan, "plan", users),
        *sections(Suite, "suite", {}),
    )


def cost_table_page() -> str:
    """Every field of a cost table."""
    return page(
        "Fields of a cost table",
        "A table is a YAML file (or a CSV file, see [cost tables](../cost_tables.md)). `extends:"
        " NAME` or `extends: [NAME, FILE]` lays it over other tables: entries of `actions`, `dram`,"
        " `parts` and `dram_interface` replace those of their name whole, other fields as they are."
        " `accelsim costs NAME` shows every figure of one.",
        *sections(TableFile, "table", {}),
    )


def metric_page() -> str:
    """Every figure of the results."""
    groups = [*metrics.groups(), *SUITE_GROUPS]
    return page(
        "Figures of the results",
        "Every figure is declared once, with its unit and how it is computed. An operator that"
        " stands for several equal ones counts as often in every sum and every time.",
        *(metrics.metric_section(title, group) for title, group in groups),
    )


def modelled_page() -> str:
    """What is modelled and what is not."""
    return page("What is modelled, and what is not", *modelled.page_parts())


def command_page() -> str:
    """Every command."""
    return page(
        "Commands",
        "`accelsim COMMAND --help` says the same. Exit codes: 0 ok, 1 a fault of accelsim itself,"
        " 2 wrong usage, 3 bad input, 4 validation failed, 5 some points of a sweep failed, 130"
        " interrupted.",
        *(commands.command_section(name, command) for name, command in commands.commands()),
    )


def shipped_page() -> str:
    """What is shipped."""
    return page(
        "Shipped machines and workloads",
        "## Architectures\n\n" + shipped.our_architectures(),
        "## Published machines\n\n" + shipped.LEGEND.replace("[", "\\["),
        shipped.published_architectures(),
        "## DRAM parts\n\n" + shipped.parts(),
        "## Cost tables\n\n" + shipped.cost_tables(),
        "## Traces\n\n" + shipped.traces(),
        "## Recipes\n\n" + shipped.recipes(),
        "## Plans of sweeps\n\n" + shipped.plans(),
    )


PAGES: dict[str, Callable[[], str]] = {
    "architecture": architecture_page,
    "dram_parts": part_page,
    "recipe": recipe_page,
    "plan": plan_page,
    "cost_table": cost_table_page,
    "metrics": metric_page,
    "modelled": modelled_page,
    "commands": command_page,
    "shipped": shipped_page,
}


def sections(
    root: Model, prefix: str, users: Users, elsewhere: Mapping[Model, str] | None = None
) -> list[str]:
    """Sections of all records below a model, but of those whose section is elsewhere."""
    found = [record for record in records(root) if record.model not in (elsewhere or {})]
    anchors = {record.model: anchor_of(prefix, record) for record in found}
    links = {**{model: f"#{anchor}" for model, anchor in anchors.items()}, **(elsewhere or {})}
    return [record_section(record, anchors[record.model], links, users) for record in found]


def users_of(files: Iterable[tuple[str, object]]) -> Users:
    """Names of the files that give each path, see `paths_given`."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, data in files:
        for path in dict.fromkeys(paths_given(data)):
            found[path].append(name)
    return found


def write_pages(folder: Path) -> None:
    """Write every page that is not there as it should be, and remove those of no name."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        if stale.stem not in PAGES:
            stale.unlink()
    for name, make in PAGES.items():
        path, text = folder / f"{name}.md", make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
