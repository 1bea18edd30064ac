"""Batches of a few fixed sizes: every size is compiled separately, which takes longer than fitting."""

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
"""With more people side by side a GPU is at most a seventh faster, and of 16,384 people some need 30 steps, but most need three."""


def batch_sizes() -> tuple[int, ...]:
    """The batch sizes that fits are compiled for on this machine's device."""
    return _CPU_SIZES if jax.default_backend() == "cpu" else _DEVICE_SIZES


def padded_batches(num_people: int, num_devices: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split people into batches of one of `batch_sizes` for each device.

    The last batch is padded: a smaller one would compile for seconds. The caller masks the padding, which then takes almost no time. A
    device's shard is a contiguous part of a batch, so people and padding are dealt out evenly over the shards.

    Yields:
        (size,) the row of each person, or the batch's first row as padding; and (size,) False where it is padding.
    """
    sizes = [num_devices * size for size in batch_sizes()]
    size = next((size for size in sizes if size >= num_people), sizes[-1])
    dealt_out = np.arange(size).reshape(-1, num_devices).T.ravel()
    for first in range(0, num_people, size):
        rows = first + dealt_out
        is_person = rows < num_people
        yield np.where(is_person, rows, first), is_person


def largest_batches(num_people: int) -> Iterator[slice]:
    """Slices of all rows that `fit` compiles for only once: each holds a batch of the largest size, and the last also the remainder."""
    largest = batch_sizes()[-1]
    ends = [*range(largest, num_people - largest + 1, largest), num_people]
    yield from (slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True))


def people_at_once(num_devices: int) -> int:
    """How many people of a stream to give to `fit` at a time: enough that devices are seldom idle.

    The batches of one call follow each other without a gap; between two calls there is a gap.
    """
    return num_devices * (_CPU_AT_ONCE if jax.default_backend() == "cpu" else _DEVICE_SIZES[-1])


def min_people_of_one_program(num_devices: int) -> int:
    """The least number of people per call of `fit` from which on the same program fits all, whatever their number.

    Programs for smaller batches round differently. Within one program a person's numbers depend neither on the place in the batch nor on
    the others (on CPU: tests/test_company.py).
    """
    return num_devices * (1 + (_CPU_SIZES[-2] if jax.default_backend() == "cpu" else _DEVICE_CHUNK))


def search_chunk_size(num_people: int) -> int:
    """How many people to search side by side: few enough that the slowest does not hold up many, enough to keep the device busy."""
    return min(num_people, _CPU_SEARCH_CHUNK if jax.default_backend() == "cpu" else _DEVICE_CHUNK)


def network_chunk_size(num_people: int) -> int:
    """How many people to run the network on at once: enough that reading its weights from memory serves many."""
    return min(num_people, _CPU_NETWORK_CHUNK if jax.default_backend() == "cpu" else _DEVICE_CHUNK)
