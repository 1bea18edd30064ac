"""The option --init with several cameras: a folder with what a network predicted for the pictures of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from smplify_jax.body.model import BodyModel
from smplify_jax.cli.arguments import FIT
from smplify_jax.cli.options import StartOptions
from smplify_jax.cli.predicted_starts import predicted_starts
from smplify_jax.cli.views_inputs import ViewInput
from smplify_jax.errors import InputError
from smplify_jax.keypoints.people_in_views import PersonInViews
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.predictions.load import bodies_of_track


def predicted_in_views(
    views: Sequence[ViewInput], options: StartOptions, body: BodyModel
) -> list[PredictedBodies] | None:
    """For each camera the bodies of the people in its frames; None without --init. Says who has none.

    Raises:
        InputError: there is not one file for each camera, or one cannot be read or holds no prediction of these people.
    """
    if options.init is None:
        return None
    folder = options.init
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else [folder]
    if len(paths) != len(views):
        raise InputError(
            f"The calibration has {len(views)} cameras, and {folder} {len(paths)} files of predictions: give a folder with one for each "
            f"camera, in the order {', '.join(view.name for view in views)}."
        )
    found = []
    for view, path in zip(views, paths, strict=True):
        bodies, complaints = predicted_starts(view.people, replace(options, init=path), body)
        assert bodies is not None  # there is a file
        for complaint in dict.fromkeys(complaints):
            FIT.complain(complaint)
        found.append(bodies)
    return found


def bodies_in_views(found: Sequence[PredictedBodies], person: PersonInViews) -> PredictedBodies:
    """Of the bodies of everybody in each camera those of a person (T, V, ...), NaN where there is none.

    Betas are as many as the camera with the fewest has.
    """
    shape, num_betas = (len(person.frames), len(found)), min(bodies.betas.shape[-1] for bodies in found)
    found = [replace(bodies, betas=bodies.betas[:, :num_betas]) for bodies in found]
    blank = jax.tree.map(lambda rows: np.full((*shape, *np.shape(rows)[1:]), np.nan, np.float32), found[0])
    for view, tracks in enumerate(person.tracks):
        for track in tracks:
            rows = np.flatnonzero(np.isin(person.frames, track.frames))
            own = bodies_of_track(found[view], track)[np.isin(track.frames, person.frames)]
            for name, block in vars(own).items():
                getattr(blank, name)[rows, view] = block
    return blank
