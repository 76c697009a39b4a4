"""Weight patterns: what pruning leaves of a matrix, from none to all of its structure."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.workload.arrays import INDEX, pointers, ranges
from accelsim.workload.hashing import mixed, permutation
from accelsim.workload.rules import Csr, Rule, register_rule
from accelsim.workload.samples import uniform_samples


@register_rule("unstructured")
@dataclass(frozen=True, kw_only=True)
class Unstructured(Rule):
    """Each entry kept for itself, `keep_permille` of all; rows and columns differ in their share.

    As in a matrix pruned by magnitude, some rows and columns keep more than others: an entry's
    chance is the mean times a factor of its row times one of its column. The factors are spread
    evenly over 1 +- `spread_permille` / 1000 (as far as no chance exceeds 1), in random order.
    """

    keep_permille: int
    seed: int = 0
    spread_permille: int = 300

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(0 < self.keep_permille <= 1000, "keep_permille must be in (0, 1000]")
        self._require(0 <= self.spread_permille <= 1000, "spread_permille must be in [0, 1000]")

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        from accelsim.kernels.bernoulli import count_independent  # imports numba

        counts = np.empty(stop - start, dtype=np.int64)
        with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
            count_independent(*self._chances(start, stop), counts)
        return counts

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        from accelsim.kernels.bernoulli import independent  # imports numba

        indptr = pointers(self.row_counts(start, stop))
        indices = np.empty(int(indptr[-1]) + 1, dtype=INDEX)
        with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
            independent(*self._chances(start, stop), indices)
        return indptr, indices[:-1]

    def _chances(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keys and factors of rows [start, stop), and factors of all columns, uint64 each."""
        keys = mixed(self.seed, 0, np.arange(start, stop))
        rows, columns = self._factors
        return keys, rows[start:stop], columns

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Factors of all rows and of all columns; their product over 2**64 is the chance."""
        mean = (self.keep_permille / 1000) ** 0.5
        spread = min(self.spread_permille / 1000, 1 / mean - 1)
        factors = []
        for side, count in enumerate((self.rows, self.cols)):
            even = (2 * permutation(count, self.seed, 1 + side) + 1) / count - 1
            chance = np.rint(mean * (1 + spread * even) * 2.0**32)
            factors.append(np.minimum(chance, 2.0**32 - 1).astype(np.uint64))
        return factors[0], factors[1]


class GroupRule(Rule):
    """A rule that keeps equally many columns of every group of a row."""

    @property
    @abstractmethod
    def group(self) -> int:
        """Columns of a group; cols is a multiple of it."""

    @abstractmethod
    def kept(self, start: int, stop: int) -> np.ndarray:
        """Columns that rows [start, stop) keep of each group, int64[stop - start]."""

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        return self.kept(start, stop) * (self.cols // self.group)

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        from accelsim.kernels.samples import chosen_groups  # imports numba

        indptr = pointers(self.row_counts(start, stop))
        indices = np.empty(int(indptr[-1]), dtype=INDEX)
        keys = mixed(getattr(self, "seed", 0), np.arange(start, stop))
        with np.errstate(over="ignore"):  # wrapping products, seen only with the JIT off
            size = (self.group, self.cols // self.group)
            chosen_groups(keys, self.kept(start, stop), size, indices)
        return indptr, indices


@register_rule("nm")
@dataclass(frozen=True, kw_only=True)
class Nm(GroupRule):
    """`n` of every `m` columns of each row, every choice as likely; cols is a multiple of m."""

    n: int
    m: int
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(0 < self.n <= self.m, "needs 0 < n <= m")
        self._require(self.cols % self.m == 0, f"cols {self.cols} is no multiple of m {self.m}")

    @property
    def group(self) -> int:
        """See `GroupRule.group`."""
        return self.m

    def kept(self, start: int, stop: int) -> np.ndarray:
        """See `GroupRule.kept`."""
        return np.full(stop - start, self.n, dtype=np.int64)


@register_rule("bank_balanced")
@dataclass(frozen=True, kw_only=True)
class BankBalanced(GroupRule):
    """Equally many columns in each bank of `bank` columns of a row (BBS, Cao et al., FPGA'19).

    Where `keep_permille` of a bank is no whole number, some rows keep one more in every bank than
    others, spread evenly over the rows. cols is a multiple of bank.
    """

    bank: int
    keep_permille: int
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.bank > 0, "bank must be positive")
        self._require(0 < self.keep_permille <= 1000, "keep_permille must be in (0, 1000]")
        whole = self.cols % self.bank == 0
        self._require(whole, f"cols {self.cols} is no multiple of bank {self.bank}")

    @property
    def group(self) -> int:
        """See `GroupRule.group`."""
        return self.bank

    def kept(self, start: int, stop: int) -> np.ndarray:
        """See `GroupRule.kept`."""
        rows = np.arange(start, stop + 1, dtype=np.int64)
        return np.diff((rows * self.bank * self.keep_permille + 500) // 1000)


@register_rule("block_sparse")
@dataclass(frozen=True, kw_only=True)
class BlockSparse(Rule):
    """`keep_permille` of the square blocks of side `block`, every set of so many as likely.

    Blocks at the right and lower edge are cut off there. Which blocks are kept is drawn once for
    the whole matrix and held: four bytes a kept block.
    """

    block: int
    keep_permille: int
    seed: int = 0

    def check(self) -> None:
        """See `Rule.check`."""
        super().check()
        self._require(self.block > 0, "block must be positive")
        self._require(0 < self.keep_permille <= 1000, "keep_permille must be in (0, 1000]")
        blocks = -(-self.rows // self.block) * -(-self.cols // self.block)
        self._require(blocks < 1 << 31, f"{blocks} blocks are more than 2**31")

    @property
    def granule(self) -> tuple[int, int]:
        """See `Rule.granule`."""
        return self.block, self.block

    def row_counts(self, start: int, stop: int) -> np.ndarray:
        """See `Rule.row_counts`."""
        indptr, blocks = self._kept
        missing = -self.cols % self.block
        counts = np.diff(indptr) * self.block
        cut = blocks == (self.cols - 1) // self.block
        band = np.repeat(np.arange(len(counts)), np.diff(indptr))
        counts[band[cut]] -= missing
        return counts[np.arange(start, stop) // self.block]

    def csr(self, start: int, stop: int) -> Csr:
        """See `Rule.csr`."""
        indptr, blocks = self._kept
        band = np.arange(start, stop) // self.block
        kept = np.diff(indptr)[band]
        first = blocks[ranges(indptr[band], kept)].astype(np.int64) * self.block
        width = np.minimum(self.block, self.cols - first)
        return pointers(self.row_counts(start, stop)), ranges(first, width)

    @cached_property
    def _kept(self) -> Csr:
        """Kept blocks as CSR over block rows."""
        high, wide = -(-self.rows // self.block), -(-self.cols // self.block)
        count = max(1, round(high * wide * self.keep_permille / 1000))
        universe = np.array([high * wide])
        numbers = uniform_samples(mixed(self.seed, 0), universe, pointers(np.array([count])))
        return pointers(np.bincount(numbers // wide, minlength=high)), numbers % wide
