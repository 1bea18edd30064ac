"""What moves the timeline: a thread that is told how long a frame lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_TICK = 1 / 30
"""Seconds between two looks at the clock: browsers are sent no more frames than they can draw."""


class Playback:
    """Plays frames in a loop.

    Attributes:
        speed: times as fast as the motion was.
    """

    def __init__(self, num_frames: int, fps: float, show: Callable[[int], None]) -> None:
        """Stand still at the first frame.

        Args:
            num_frames: in the loop.
            fps: of the motion.
            show: is called with the number of a frame, from the thread that plays.
        """
        self.speed = 1.0
        self._num_frames, self._fps, self._show = num_frames, fps, show
        self._place = 0.0
        self._is_playing, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_playing(self) -> bool:
        """Whether it moves."""
        return self._is_playing.is_set()

    def play(self) -> None:
        """Go on from where it is."""
        self._is_playing.set()

    def pause(self) -> None:
        """Stand still."""
        self._is_playing.clear()

    def seek(self, frame: int) -> None:
        """Go on from another frame."""
        if frame != int(self._place):
            self._place = float(frame)

    def close(self) -> None:
        """End the thread."""
        self._is_over.set()
        self._is_playing.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        last = time.monotonic()
        while not self._is_over.is_set():
            if not self._is_playing.is_set():
                self._is_playing.wait()
                last = time.monotonic()
            now = time.monotonic()
            before, self._place = (
                int(self._place),
                (self._place + (now - last) * self._fps * self.speed) % self._num_frames,
            )
            last = now
            if int(self._place) != before and not self._is_over.is_set():
                self._show(int(self._place))
            time.sleep(_TICK)
