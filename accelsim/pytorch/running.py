"""How the command line runs a model: without gradients, on so many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def inference(threads: int) -> Iterator[None]:
    """No gradients, and `threads` threads, inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(before)
