"""Batches of a few fixed sizes: every size compiles for itself, which takes longer than fitting."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

_CPU_SIZES = (1, 16, 64, 256)
"""Throughput hardly grows beyond the largest."""
_CPU_SEARCH_CHUNK = 16
_CPU_NETWORK_CHUNK = 32
_CPU_AT_ONCE = 1024
_DEVICE_SIZES = (1, 16, 64, 256, 1024, 4096, 16384)
_DEVICE_CHUNK = 1024
"""A GPU is no more than a seventh faster with more people side by side, and some of 16,384 need 30 steps, most of them three."""


def batch_sizes() -> tuple[int, ...]:
    """The sizes that fits come in on this machine's device."""
    return _CPU_SIZES if jax.default_backend() == "cpu" else _DEVICE_SIZES


def padded_batches(num_people: int, num_devices: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All people in batches of one of `batch_sizes` for each device.

    The last batch is filled up: a smaller one would compile anew for seconds. Whoever fits it makes nobody of what fills it, and nobody
    takes next to no time; so every device, whose part of a batch is one after the other, gets its share of both.

    Yields:
        (size,) the row of a person, the batch's first where it is filled up; and (size,) whether it is not.
    """
    sizes = [num_devices * size for size in batch_sizes()]
    size = next((size for size in sizes if size >= num_people), sizes[-1])
    dealt_out = np.arange(size).reshape(-1, num_devices).T.ravel()
    for first in range(0, num_people, size):
        rows = first + dealt_out
        is_person = rows < num_people
        yield np.where(is_person, rows, first), is_person


def largest_batches(num_people: int) -> Iterator[slice]:
    """Rows of all people in parts that `fit` compiles once for: a batch of the largest size each, and the rest with the last."""
    largest = batch_sizes()[-1]
    ends = [*range(largest, num_people - largest + 1, largest), num_people]
    yield from (slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True))


def people_at_once(num_devices: int) -> int:
    """How many people to give to `fit` at a time who come in a stream: enough that devices seldom wait for the next.

    The batches of one call follow each other without a gap; between two calls there is one.
    """
    return num_devices * (_CPU_AT_ONCE if jax.default_backend() == "cpu" else _DEVICE_SIZES[-1])


def least_in_any_company(num_devices: int) -> int:
    """How many people to give to `fit` at least, so that each one's fit is the same to the bit whoever the others are.

    From here on all go in chunks of one size; fewer go in a smaller chunk, whose sums round otherwise.
    """
    return num_devices * (1 + (_CPU_NETWORK_CHUNK if jax.default_backend() == "cpu" else _DEVICE_CHUNK))


def search_chunk_size(num_people: int) -> int:
    """How many of them to search side by side: few enough that the slowest does not hold up many, enough to keep the device busy."""
    return min(num_people, _CPU_SEARCH_CHUNK if jax.default_backend() == "cpu" else _DEVICE_CHUNK)


def network_chunk_size(num_people: int) -> int:
    """The same for the passes of the network: enough people that its weights are read from memory for many."""
    return min(num_people, _CPU_NETWORK_CHUNK if jax.default_backend() == "cpu" else _DEVICE_CHUNK)
