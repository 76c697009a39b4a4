"""Attention rules against what their papers say, row by row or by what has a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import InputError
from accelsim.workload.patterns import attention_rule
from accelsim.workload.statistics import key_reuse


@pytest.mark.parametrize(("q_len", "kv_len"), [(40, 40), (3, 40)])
def test_strided_keeps_a_window_and_multiples_of_the_stride(q_len: int, kv_len: int) -> None:
    mask = attention_rule("strided", units=2, q_len=q_len, kv_len=kv_len, stride=6).mask()
    for row in range(2 * q_len):
        distance = kv_len - q_len + row % q_len - np.arange(kv_len)
        expected = (distance >= 0) & ((distance < 6) | (distance % 6 == 0))
        assert np.array_equal(mask[row], expected)


def test_bigbird_by_default_keeps_eight_blocks_of_64() -> None:
    pattern = attention_rule("bigbird", units=3, q_len=4096, kv_len=4096, seed=1)
    assert pattern.granule == (64, 64)
    mask = pattern.mask()[::64, ::64].reshape(3, 64, 64)
    assert mask[:, [0, -1]].all() and mask[:, :, [0, -1]].all()
    for offset in (-1, 0, 1):
        assert np.diagonal(mask[:, 1:-1, 1:-1], offset, 1, 2).all()
    assert (mask[:, 2:-2].sum(axis=2) == 8).all()
    assert (mask[:, [1, -2]].sum(axis=2) == 7).all()  # window and global blocks meet
    assert not np.array_equal(mask[0], mask[1])
    drawn = mask[:, 20:40, 1:-1].sum(axis=(0, 1))
    assert (drawn[:10] > 0).any() and (drawn[-10:] > 0).any()


@pytest.mark.parametrize("shape", [(1, 3, 9, 4), (7, 0, 1, 0), (8, 50, 3, 2), (2, 1, 3, 5)])
def test_bigbird_of_odd_sizes(shape: tuple[int, int, int, int]) -> None:
    count, random, window, everywhere = shape
    pattern = attention_rule(
        "bigbird", units=1, q_len=count * 4, kv_len=count * 4, block=4, random_blocks=random,
        window_blocks=window, global_blocks=everywhere,
    )  # fmt: skip
    mask = pattern.mask()[::4, ::4]
    place = np.arange(count)
    first, last = everywhere - everywhere // 2, everywhere // 2
    whole = (place < first) | (place >= count - last)
    static = np.abs(np.subtract.outer(place, place)) <= window // 2
    static |= whole | whole[:, None]
    assert mask[static].all()
    assert (mask.sum(1) == np.minimum(count, static.sum(1) + random)).all()


def test_compressed_sees_complete_entries_only() -> None:
    pattern = attention_rule("compressed", units=2, q_len=10, kv_len=9, tokens=35, stride=4)
    assert pattern.row_counts().tolist() == [(p + 1) // 4 for p in range(25, 35)] * 2
    with pytest.raises(InputError, match="8 entries do not fit in cols 7"):
        attention_rule("compressed", units=2, q_len=10, kv_len=7, tokens=35, stride=4)


@pytest.mark.parametrize(("q_len", "kv_len"), [(100, 1000), (1, 777), (300, 300)])
def test_page_topk_keeps_whole_pages_first_and_own(q_len: int, kv_len: int) -> None:
    pattern = attention_rule(
        "page_topk", units=2, q_len=q_len, kv_len=kv_len, page=16, pages=6, recent_pages=2
    )
    mask = pattern.mask()
    for row in range(pattern.rows):
        position = kv_len - q_len + row % q_len
        kept = [mask[row, first : first + 16] for first in range(0, kv_len, 16)]
        own = position // 16
        assert kept[own][: position % 16 + 1].all()
        assert all(page.all() or not page.any() for page in kept[:own])
        assert sum(page.any() for page in kept) == min(6, own + 1)
        assert kept[0].any() and kept[max(0, own - 1)].any()


def test_pages_of_neighbouring_queries_overlap_but_are_chosen_anew() -> None:
    pattern = attention_rule("page_topk", units=1, q_len=512, kv_len=32768, page=16, pages=128)
    reuse = key_reuse(pattern, 512)
    assert 0.4 < reuse.jaccard < 0.6 and 2.5 < reuse.union_over_row < 4


def test_uniform_topk_is_uniform_and_without_locality() -> None:
    pattern = attention_rule("uniform_topk", units=2, q_len=2000, kv_len=4000, k=64, seed=2)
    indptr, indices = pattern.csr()
    position = np.repeat(2000 + np.arange(4000) % 2000, np.diff(indptr))
    share = np.bincount(indices * 10 // (position + 1), minlength=10) / len(indices)
    assert share == pytest.approx(np.full(10, 0.1), abs=0.003)
    reuse = key_reuse(pattern, 2000)
    assert reuse.jaccard < 0.02
    # distinct keys of 16 independent queries of k of n keys: n (1 - (1 - k / n)**16)
    assert reuse.union_mean == pytest.approx(
        np.mean([n * (1 - (1 - 64 / n) ** 16) for n in range(2001, 4001)]), rel=0.01
    )


def test_vertical_slash_is_columns_and_diagonals() -> None:
    pattern = attention_rule(
        "vertical_slash", units=2, q_len=60, kv_len=90, vertical=8, slash=9, seed=4
    )
    mask = pattern.mask().reshape(2, 60, 90)
    assert not np.array_equal(mask[0], mask[1])
    position = np.arange(30, 90)
    distance = position[:, None] - np.arange(90)
    for unit in range(2):
        columns = [c for c in range(30) if mask[unit][:, c].all()]
        diagonals = [d for d in range(31) if mask[unit][distance == d].all()]
        assert 0 in columns and diagonals[:5] == [0, 1, 2, 3, 4]
        late = [c for c in range(30, 90) if mask[unit][:, c][position >= c].all()]
        far = [d for d in range(31, 90) if mask[unit][distance == d].all()]
        expected = np.isin(np.arange(90), columns + late) | np.isin(distance, diagonals + far)
        assert np.array_equal(mask[unit], expected & (distance >= 0))
        assert len(columns) <= 8 and len(diagonals) <= 9
    most = attention_rule("vertical_slash", units=1, q_len=9, kv_len=9, vertical=20, slash=20)
    assert np.array_equal(most.mask(), np.tri(9, dtype=bool))


@pytest.mark.parametrize("rounds", [1, 4])
def test_lsh_sees_its_bucket_in_two_chunks(rounds: int) -> None:
    pattern = attention_rule(
        "lsh", units=2, q_len=1000, kv_len=1000, bucket=32, rounds=rounds, seed=3
    )
    mask, counts = pattern.mask(), pattern.row_counts()
    assert mask[np.arange(2000), np.arange(2000) % 1000].all()
    assert counts.max() <= 2 * 32 * rounds
    assert counts.mean() > 10 * rounds
    near = np.zeros((2000, 1000), dtype=bool)
    for unit in range(2):
        rows = slice(unit * 1000, (unit + 1) * 1000)
        for turn in range(rounds):
            order, rank, least = pattern.generator._round(unit, turn)
            chunk = rank // 32
            assert (chunk - least // 32 <= 1).all() and (least <= rank).all()
            place = np.arange(1000)
            near[rows][:, order] |= (place >= least[:, None]) & (place <= rank[:, None])
    assert np.array_equal(mask, near)
