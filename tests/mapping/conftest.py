"""Plain asserts of the shared invariants explain themselves as those of a test do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.mapping.invariants")
