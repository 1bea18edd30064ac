"""Batches of a few fixed sizes: every size compiles for itself, which takes longer than fitting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BATCH_SIZES = (4, 16, 64)
"""A run then compiles once, and the compilation cache serves the next one. Throughput hardly grows beyond the largest."""


def padded_batches(num_people: int) -> Iterator[tuple[np.ndarray, int]]:
    """Rows of all people in batches of BATCH_SIZES, and how many of each are people: the last batch is filled up with its first."""
    for first in range(0, num_people, BATCH_SIZES[-1]):
        count = min(BATCH_SIZES[-1], num_people - first)
        size = next(size for size in BATCH_SIZES if size >= count)
        yield np.where(np.arange(size) < count, first + np.arange(size), first), count
