"""The controls at the side of the viewer: what is shown, the body's numbers, and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from smplify_jax.viewer.people import ShownPerson
from smplify_jax.viewer.playback import Playback

_MAX_BETA = 4.0
"""Standard deviations."""

_MAX_BETAS = 10

_MAX_GAP = 3.0
"""[m]."""


class ShowControls:
    """Who and what is shown."""

    def __init__(
        self,
        server: Any,
        names: Sequence[str],
        *,
        has_cameras: bool,
        has_several_results: bool,
        redraw: Callable[[], None],
        look_from_camera: Callable[[Any], None],
    ) -> None:
        """Add a box for each person, and those for capsules, uncertainty and cameras; a slider that puts several results side by side.

        Args:
            server: viser's.
            names: of the people.
            has_cameras: whether there are cameras to show.
            has_several_results: whether they can be put side by side.
            redraw: is called after each change.
            look_from_camera: moves a client of viser's to the first camera.
        """
        with server.gui.add_folder("Show"):
            self._people = [server.gui.add_checkbox(name, True) for name in names]
            self._capsules = server.gui.add_checkbox("Capsules", False, hint="the parts that must not interpenetrate")
            self._ellipsoids = server.gui.add_checkbox(
                "Uncertainty", False, hint="ellipsoids of one standard deviation of each joint"
            )
            self._cameras = server.gui.add_checkbox("Cameras", True, visible=has_cameras)
            self._gap = server.gui.add_slider(
                "Side by side", 0.0, _MAX_GAP, 0.1, 0.0, visible=has_several_results, hint="metres between results"
            )
            look = server.gui.add_button("Look from the camera", visible=has_cameras)
        look.on_click(lambda event: look_from_camera(event.client))
        for one in (*self._people, self._capsules, self._ellipsoids, self._cameras, self._gap):
            one.on_update(lambda _: redraw())

    def shows_person(self, number: int) -> bool:
        """Whether a person is shown."""
        return self._people[number].value

    @property
    def shows_capsules(self) -> bool:
        """Whether capsules are shown, in bodies that one can see through."""
        return self._capsules.value

    @property
    def shows_ellipsoids(self) -> bool:
        """Whether the uncertainty of the joints is shown, in bodies that one can see through."""
        return self._ellipsoids.value

    @property
    def shows_cameras(self) -> bool:
        """Whether cameras are shown."""
        return self._cameras.value

    @property
    def gap(self) -> float:
        """[m] between results."""
        return self._gap.value


class BodyControls:
    """Sliders for the betas and for the rotation of a joint, of a person one chooses."""

    def __init__(
        self, server: Any, people: Sequence[ShownPerson], names: Sequence[str], redraw: Callable[[], None]
    ) -> None:
        """Add the sliders, closed. No two of the names are the same."""
        self._people, self._names, self._redraw = people, list(names), redraw
        self._frame, self._is_following = 0, False
        first = people[0]
        with server.gui.add_folder("Body", expand_by_default=False):
            self._person = server.gui.add_dropdown("Person", self._names)
            self._about = server.gui.add_markdown("")
            num_betas = min(min(person.body.num_betas for person in people), _MAX_BETAS)
            self._betas = [
                server.gui.add_slider(
                    f"Beta {k}", -_MAX_BETA, _MAX_BETA, 0.05, 0.0, hint="shape, in standard deviations"
                )
                for k in range(num_betas)
            ]
            self._joint = server.gui.add_dropdown("Joint", first.body.joint_names[: len(first.pose(0))])
            self._turn = [
                server.gui.add_slider(f"Turn {axis}", -180.0, 180.0, 1.0, 0.0, hint="axis-angle, in degrees")
                for axis in "xyz"
            ]
            reset = server.gui.add_button("As fitted")
        for slider in self._betas:
            slider.on_update(lambda _: self._change_betas())
        for slider in self._turn:
            slider.on_update(lambda _: self._change_turn())
        for choice in (self._person, self._joint):
            choice.on_update(lambda _: redraw())
        reset.on_click(lambda _: self._reset())

    @property
    def person(self) -> ShownPerson:
        """Who is chosen."""
        return self._people[self._names.index(self._person.value)]

    def follow(self, frame: int) -> None:
        """Let the sliders show the numbers of a frame."""
        person = self.person
        self._frame = min(frame, person.num_frames - 1)
        status = person.status(self._frame)
        self._about.content = _about(person, self._frame)
        if not status.is_usable:
            return
        self._is_following = True
        try:
            for slider, beta in zip(self._betas, person.betas(self._frame), strict=False):
                slider.value = float(np.clip(beta, -_MAX_BETA, _MAX_BETA))
            for slider, angle in zip(self._turn, np.degrees(person.pose(self._frame)[self._joint_number]), strict=True):
                slider.value = float(np.clip(angle, -180, 180))
        finally:
            self._is_following = False

    @property
    def _joint_number(self) -> int:
        names = self.person.body.joint_names
        return min(names.index(self._joint.value), len(self.person.pose(self._frame)) - 1)

    def _change_betas(self) -> None:
        if self._is_following:
            return
        betas = np.array(self.person.betas(self._frame))
        betas[: len(self._betas)] = [slider.value for slider in self._betas]
        self.person.changes.betas = betas
        self._redraw()

    def _change_turn(self) -> None:
        if self._is_following:
            return
        turn = np.radians([slider.value for slider in self._turn]).astype(np.float32)
        self.person.changes.turns[self._joint_number] = turn
        self._redraw()

    def _reset(self) -> None:
        self.person.changes.betas = None
        self.person.changes.turns.clear()
        self._redraw()


class TimeControls:
    """The timeline: frame, play, speed."""

    def __init__(
        self, server: Any, num_frames: int, start: int, playback: Playback, show: Callable[[int], None]
    ) -> None:
        """Add the timeline at the top, at its frame `start`."""
        self._playback = playback
        with server.gui.add_folder("Time", order=-1):
            self._frame = server.gui.add_slider("Frame", 0, num_frames - 1, 1, start)
            self._play = server.gui.add_button("Play")
            step = server.gui.add_button_group("Step", ("back", "forward"))
            speed = server.gui.add_slider("Speed", 0.1, 4.0, 0.1, 1.0, hint="times as fast as it was")
        self._frame.on_update(lambda _: show(self._frame.value))
        self._play.on_click(lambda _: self._toggle())
        step.on_click(lambda _: self._step(1 if step.value == "forward" else -1, num_frames))

        @speed.on_update
        def _(_: Any) -> None:
            playback.speed = speed.value

    def set_frame(self, frame: int) -> None:
        """Move the timeline, which shows the frame."""
        self._frame.value = frame

    def _toggle(self) -> None:
        if self._playback.is_playing:
            self._playback.pause()
        else:
            self._playback.play()
        self._play.label = "Pause" if self._playback.is_playing else "Play"

    def _step(self, by: int, num_frames: int) -> None:
        if self._playback.is_playing:
            self._toggle()
        self._frame.value = (self._frame.value + by) % num_frames


def _about(person: ShownPerson, frame: int) -> str:
    """Status, quality and error of a frame, as Markdown."""
    quality = float(person.result.quality[frame])
    errors = np.asarray(person.result.reprojection_error_px[frame], np.float64)
    known = errors[np.isfinite(errors)]
    lines = [person.status(frame).sentence]
    lines += [f"Quality {quality:.2f}."] if np.isfinite(quality) else []
    lines += [f"Reprojection error {np.median(known):.1f} px."] if known.size else []
    return " ".join(lines)
