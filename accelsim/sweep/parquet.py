"""The results of a sweep as Parquet, for tools that read large tables."""

from __future__ import annotations

import csv
from pathlib import Path

from accelsim.errors import InputError
from accelsim.sweep.results import RESULTS

PARQUET = "results.parquet"


def write_parquet(folder: Path) -> Path:
    """Write results.parquet from results.csv, a part at a time.

    Raises
    ------
    InputError
        pyarrow is not installed, or the place cannot be written.
    """
    try:
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow", remedy="pip install 'accelsim[parquet]'"
        ) from None
    target = folder / PARQUET
    partial = target.with_name(f".{target.name}.partial")
    options = pyarrow.csv.ConvertOptions(column_types=_types(folder / RESULTS))
    try:
        with pyarrow.csv.open_csv(folder / RESULTS, convert_options=options) as reader:
            with pyarrow.parquet.ParquetWriter(partial, reader.schema) as writer:
                for batch in reader:
                    writer.write_batch(batch)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"cannot be written: {error}", where=str(target)) from None
    return target


def _types(table: Path) -> dict[str, str]:
    """Arrow type of every column: the narrowest of whole number, number and text that fits all."""
    kinds = {"int64": int, "float64": float, "string": str}
    order = list(kinds)
    with table.open(newline="") as stream:
        rows = csv.DictReader(stream)
        found = dict.fromkeys(rows.fieldnames or (), 0)
        for row in rows:
            for name, text in row.items():
                while text and not _reads(kinds[order[found[name]]], text):
                    found[name] += 1
    return {name: order[kind] for name, kind in found.items()}


def _reads(kind: type, text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
