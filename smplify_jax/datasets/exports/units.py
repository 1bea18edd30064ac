"""What one file of an export is of: a person in a picture, or a track with all of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from smplify_jax.datasets.parquet import FitBatch
from smplify_jax.files.arrow import require_arrow

UNIT_COLUMNS = ("id", "video", "track_id")


class Unit(NamedTuple):
    """Rows of a batch.

    Attributes:
        name: the person's id, or the video and the track.
        is_track: whether it is a track, which may have a single frame.
        rows: where they are in the batch.
    """

    name: str
    is_track: bool
    rows: slice


def whole_units(batches: Iterable[FitBatch]) -> Iterator[tuple[FitBatch, list[Unit]]]:
    """Batches that end where a unit does, and their units (needs UNIT_COLUMNS).

    Args:
        batches: in the order of the fits: the rows of a track follow each other, in one file.
    """
    pending: FitBatch | None = None
    for batch in batches:
        whole = batch
        if pending is not None:
            units = _units(pending)
            if _units(batch)[0]._replace(rows=units[-1].rows) == units[-1] and pending.provenance == batch.provenance:
                whole = _joined(pending, batch)
            else:
                yield pending, units
        *complete, last = _units(whole)
        pending = None
        if last.is_track:
            pending = _sliced(whole, last.rows)
            whole = _sliced(whole, slice(0, last.rows.start))
        else:
            complete = [*complete, last]
        if complete:
            yield whole, complete
    if pending is not None:
        yield pending, _units(pending)


def _units(batch: FitBatch) -> list[Unit]:
    ids = batch.texts("id")
    if "video" not in batch.records.schema.names:
        return [Unit(str(name), False, slice(k, k + 1)) for k, name in enumerate(ids)]
    tracks = list(zip(batch.texts("video"), batch.texts("track_id"), strict=True))
    units: list[Unit] = []
    for (video, track_id), rows in groupby(range(len(ids)), key=tracks.__getitem__):
        some = list(rows)
        if video is None:
            units += [Unit(str(ids[k]), False, slice(k, k + 1)) for k in some]
        else:
            units.append(Unit(f"{video}_{track_id}", True, slice(some[0], some[-1] + 1)))
    return units


def _joined(one: FitBatch, other: FitBatch) -> FitBatch:
    pa, _ = require_arrow()
    (records,) = pa.Table.from_batches([one.records, other.records]).combine_chunks().to_batches()
    return FitBatch(records, one.provenance)


def _sliced(batch: FitBatch, rows: slice) -> FitBatch:
    return FitBatch(batch.records.slice(rows.start, rows.stop - rows.start), batch.provenance)
