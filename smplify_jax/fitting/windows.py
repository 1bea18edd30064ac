"""Long tracks in windows of a fixed size, which overlap so that every frame has others around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A part of a track.

    Attributes:
        start, stop: where it lies in the track.
        first, last: which of its own rows it contributes; the others are context.
    """

    start: int
    stop: int
    first: int
    last: int

    @property
    def rows(self) -> slice:
        """Its place in the track."""
        return slice(self.start, self.stop)

    @property
    def own(self) -> slice:
        """The rows that it contributes, counted from its start."""
        return slice(self.first, self.last)


def windows(num_frames: int, largest: int, context: int) -> Iterator[Window]:
    """Windows of at most `largest` frames, of which `context` at both ends belong to their neighbours; one if the track is not longer."""
    own = num_frames if num_frames <= largest else largest - 2 * context
    for first in range(0, num_frames, own):
        last = min(first + own, num_frames)
        start, stop = max(0, first - context), min(num_frames, last + context)
        yield Window(start, stop, first - start, last - start)
