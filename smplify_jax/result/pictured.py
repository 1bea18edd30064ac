"""The methods of a result that draw it. Drawing takes a while to import, which fits need not wait for."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.typing import ArrayLike

from smplify_jax.errors import InputError
from smplify_jax.result.sequence import people_at
from smplify_jax.result.shown import MAX_ROWS, html_table
from smplify_jax.result.times import frame_times, frames_by_person

if TYPE_CHECKING:
    from smplify_jax.keypoints.layouts import Layout
    from smplify_jax.pictures.overlay import OverlayStyle
    from smplify_jax.pictures.side_view import View
    from smplify_jax.result.overlay import Coloring
    from smplify_jax.result.report import Images


class PicturedResult:
    """What `FitResult` draws."""

    def _repr_html_(self: Any) -> str:
        """A small table and a picture of the bodies, for notebooks."""
        from smplify_jax.result.thumbnail import thumbnail

        people = self[0] if self.status.ndim > 1 and len(self) else self  # of several tracks, the frames of the first
        first = jax.tree.map(np.asarray, people[:MAX_ROWS])
        rows = zip(first.statuses(), first.quality, first.reprojection_error_px, first.person_height_px, strict=True)
        return html_table(
            repr(self), [(status.sentence, *numbers) for status, *numbers in rows], len(people), thumbnail(people)
        )

    def overlay(
        self: Any,
        image: np.ndarray | None = None,
        keypoints: ArrayLike | None = None,
        *,
        people: int | slice | Sequence[int] | None = None,
        image_size: tuple[int, int] | None = None,
        views: Sequence[View] = (),
        color: Coloring = "person",
        style: OverlayStyle | None = None,
        layout: str | Layout | None = None,
    ) -> np.ndarray:
        """(H, W, 4) uint8 RGBA: the bodies over their picture, nearer ones before farther ones, with detected and fitted keypoints.

        Args:
            image: (H, W, 3) uint8, of all people; transparent without one.
            keypoints: (K, 3) or (B, K, 3), as given to the fit; without, those of the fit are marked alone.
            people: which ones, as an index of the result; everybody by default.
            image_size: as for `draw_fit`.
            views: "side" and "top" put the bodies from the camera's right and from above beside the picture.
            color: "person", or "uncertainty": blue where the joints are certain, vermilion where their standard deviation is 10 cm.
            style: strengths and sizes, see `smplify_jax.pictures.overlay.OverlayStyle`.
            layout: that of the fit, if it is not one of the library's.
        Raises:
            InputError: as for `smplify_jax.result.overlay.draw_fit`.
        """
        from smplify_jax.pictures.overlay import DEFAULT_STYLE
        from smplify_jax.result.overlay import draw_fit

        chosen = self if people is None else self[people]
        if people is not None and keypoints is not None and self.is_batched:
            keypoints = np.asarray(keypoints)[people_at(people, len(self))]
        how: dict[str, Any] = {"image_size": image_size, "views": views, "color": color, "layout": layout}
        return draw_fit(chosen, keypoints, image, style=style or DEFAULT_STYLE, **how)

    def report(
        self: Any,
        path: str | PathLike[str],
        *,
        images: Images | None = None,
        keypoints: ArrayLike | None = None,
        image_size: tuple[int, int] | None = None,
        fps: float | None = None,
        times: ArrayLike | None = None,
        names: Sequence[str] | None = None,
        title: str = "Fitted bodies",
        layout: str | Layout | None = None,
    ) -> None:
        """Write a page for browsers, one HTML file that needs no network: the bodies in 3D over their picture, and how good they are.

        Args:
            path: the file.
            images: the picture, (H, W, 3) uint8; of a motion a sequence of T, or a function that gives that of frame 0 to T - 1.
            keypoints: as given to the fit; by default the page shows those of the fit alone.
            image_size: (width, height) [px] if there is no picture; by default large enough for everybody.
            fps: frames per second of a motion: of frames of `fit_sequence`, or of several people (N, T). Of people fitted apart, `fps` or
                `times` says that they are the frames of one person; without, they are people of one picture.
            times: (T,) of the frames [s]; by default they follow each other at `fps`, else at 30 per second.
            names: of the people.
            title: of the page.
            layout: that of the fit, if it is not one of the library's.
        Raises:
            InputError: the arguments do not go together, or the file cannot be written.
        """
        from smplify_jax.keypoints.layouts import get_layout
        from smplify_jax.result.report import observed_by_person, picture_by_place, write_page
        from smplify_jax.result.scenes import FramesOfPerson, Pictures, make_scene

        if not self.status.size:
            raise InputError("There is nobody to show: the result is empty.")
        clock = frame_times(self, fps, times)
        picture = picture_by_place(images, 1 if clock is None else len(clock))
        first = picture(0) if image_size is None else None
        size = image_size if first is None else (first.shape[1], first.shape[0])
        people = frames_by_person(self, is_motion=clock is not None)
        names = [f"person {number}" for number in range(len(people))] if names is None else names
        names = [names] if isinstance(names, str) else names
        if len(names) != len(people):
            raise InputError(f"There are {len(names)} names for {len(people)} people: give one for each.")
        observed = observed_by_person(keypoints, people)
        members = [FramesOfPerson(*one) for one in zip(names, people, observed, strict=True)]
        known = None if layout is None else get_layout(layout)
        write_page(path, [make_scene(title, members, (Pictures(size, picture),), times=clock, layout=known)], title)
