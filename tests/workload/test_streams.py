"""Request streams: the fingerprints of the reference runs, any chunk alone, and refusals."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.validation.suites import CASES
from accelsim.workload.streams import STREAMS, attention_gather, fingerprint, stream
from tests.mapping.workloads import attention, token_topk

with (CASES / "dram.csv").open() as file:
    ROWS = {(r["stream"], r["params"], r["seed"], r["atom"]): r for r in csv.DictReader(file)}


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: f"{row['label']}-{row['atom']}")
def test_the_streams_are_those_of_the_reference_runs(row: dict[str, str]) -> None:
    made = stream(
        row["stream"], int(row["requests"]), json.loads(row["params"]),
        seed=int(row["seed"]), atom=int(row["atom"]),
    )  # fmt: skip
    assert fingerprint(made) == row["fingerprint"]


@pytest.mark.parametrize("name", STREAMS)
def test_chunks_are_cut_from_one_stream(name: str) -> None:
    whole = list(stream(name, 500, seed=3, chunk=500))
    pieces = list(stream(name, 500, seed=3, chunk=7))
    for at in (0, 1):
        assert np.array_equal(np.concatenate([p[at] for p in pieces]), whole[0][at])
    assert whole[0][0].dtype == np.int64 and whole[0][1].dtype == np.bool_


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("row_gathr", {}, "row_gather"),
        ("row_gather", {"row_byte": 4}, "row_bytes"),
        ("row_gather", {"row_bytes": 0}, "more than 0"),
        ("strided", {"stride_bytes": -4}, "more than 0"),
        ("row_gather", {"row_bytes": 4096, "footprint": 1024}, "holds no row"),
    ],
)
def test_what_makes_no_stream_is_refused(name: str, given: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        stream(name, 10, given)


def test_a_tile_gathers_the_union_of_its_keys() -> None:
    op = token_topk(64, 8, heads=2)
    assert op.pattern is not None
    made = list(attention_gather(op, 10**6, 256, queries=16))
    assert len(made) == 2 * 4
    mask = op.pattern.mask().reshape(2, 4, 16, 64)
    for at, (addresses, is_write) in enumerate(made):
        head, tile = divmod(at, 4)
        keys = np.flatnonzero(mask[head, 3 - tile].any(axis=0)) + 64 * head
        assert np.array_equal(np.unique(addresses // 256), keys)
        assert np.array_equal(np.diff(addresses[:4]), [64, 64, 64]) and not is_write.any()
    assert sum(a.size for a, _ in attention_gather(op, 100, 256)) == 100


def test_dense_attention_gathers_nothing() -> None:
    with pytest.raises(InputError, match="every key"):
        attention_gather(attention(16), 10, 64)
