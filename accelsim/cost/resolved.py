"""A cost table as one file that needs no other: every figure with its source and mark."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from accelsim.cost.table import CostTable


def resolved_yaml(table: CostTable) -> str:
    """The whole table with units, what it extends included; loads back to an equal table.

    Entries that are scaled from another table name it still, as the rule is applied when asked.
    """
    yaml = YAML()
    yaml.width = 1000
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(table.file.model_dump(mode="json", exclude_defaults=True), text)
    note = f"# {table.name}\n" if table.scaling is not None else ""
    return note + text.getvalue()
