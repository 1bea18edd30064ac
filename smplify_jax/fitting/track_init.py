"""The caller's bodies in the frames of tracks, such as VIBE's, fused with the network's proposals."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.fitting.batches import run_in_batches
from smplify_jax.fitting.frames import rows_of
from smplify_jax.fitting.init_agreement import as_informative
from smplify_jax.fitting.init_fusion import fuse_init
from smplify_jax.fitting.initialization import anchor_from_init, start_from_init, with_betas_filled
from smplify_jax.fitting.person import Person, Setup
from smplify_jax.fitting.placement import placed_before
from smplify_jax.fitting.program import ProposedPeople
from smplify_jax.fitting.track_arguments import TrackSetup
from smplify_jax.fitting.tracks import ONE_CAMERA, ShapeEvidence
from smplify_jax.predictions.bodies import PredictedBodies
from smplify_jax.proposal.propose import Proposal
from smplify_jax.result import FitResult
from smplify_jax.terms.anchor import Anchor


@dataclasses.dataclass(frozen=True)
class TrackInit:
    """Bodies in the frames of one track, and how far they are to be trusted; leading axis T.

    Attributes:
        starts: the bodies; NaN in frames without one.
        anchor: around them.
    """

    starts: PredictedBodies
    anchor: Anchor


def init_of_tracks(
    init: BodyParameters | FitResult | None,
    error: str | ArrayLike | None,
    lengths: Sequence[int],
    setup: TrackSetup,
    is_single: bool,
) -> list[TrackInit | None]:
    """Check the caller's bodies, and return those of each track.

    Args:
        init: (T, ...), or (N, T, ...) for several tracks; None without any.
        error: see `error_mm`: one number or name, or a number for each frame, shaped like the bodies.
        lengths: N numbers of frames, all alike if there are several tracks.
        setup: of the fit.
        is_single: whether the caller gave one track, without an axis of tracks.

    Raises:
        InputError: a block does not have a row for each frame, or an error is none.
    """
    leading = (sum(lengths),) if is_single else (len(lengths), lengths[0])
    found = rows_of_init(init, error, leading, setup, "a row for each frame of each track")
    if found is None:
        return [None] * len(lengths)
    ends = np.cumsum(lengths)
    return [
        TrackInit(found.starts[end - length : end], rows_of(found.anchor, slice(end - length, end)))
        for length, end in zip(lengths, ends, strict=True)
    ]


def rows_of_init(
    init: BodyParameters | FitResult | None,
    error: str | ArrayLike | None,
    leading: tuple[int, ...],
    setup: TrackSetup,
    meaning: str = "a body for each row",
) -> TrackInit | None:
    """Check the caller's bodies, and return all of them along one axis; None without any.

    Args:
        init: with the leading axes.
        error: see `error_mm`: one number or name, or numbers with the leading axes.
        leading: axes of bodies.
        setup: of the fit.
        meaning: of these axes, if there are several, for the sentence.

    Raises:
        InputError: a block does not have these axes, or an error is none.
    """
    blocks = init
    if isinstance(init, (BodyParameters, FitResult)) and len(leading) > 1:
        blocks = _along_one_axis(init.parameters if isinstance(init, FitResult) else init, leading, meaning)
    if error is not None and not isinstance(error, str):
        error = host_array(error, "init_error")
        error = error.reshape(-1) if len(leading) > 1 and error.shape == leading else error
    if blocks is None:
        anchor_from_init(None, None, error)  # raises if there is an error of nothing
        return None
    num_joints, _, num_betas = np.shape(setup.keypoint_body.joint_shapedirs)
    starts = start_from_init(blocks, int(np.prod(leading)), num_joints, num_betas, is_single=not leading)
    anchor = anchor_from_init(starts, None, error)
    assert anchor is not None  # there are starts
    return TrackInit(starts, anchor)


def _along_one_axis(bodies: BodyParameters, leading: tuple[int, ...], meaning: str) -> BodyParameters:
    """(N T, ...) of (N, T, ...)."""
    flat = {}
    for name, value in vars(bodies).items():
        array = host_array(value, f"init.{name}")
        if array.shape[: len(leading)] != leading:
            raise InputError(
                f"init.{name} has shape {array.shape}: expected ({', '.join(map(str, leading))}, ...), {meaning}."
            )
        flat[name] = array.reshape(-1, *array.shape[len(leading) :])
    return dataclasses.replace(bodies, **flat)


def with_init(
    setup: TrackSetup,
    proposed: ProposedPeople,
    init: TrackInit | None,
    people: Person,
    *,
    evidence: ShapeEvidence = ONE_CAMERA,
    num_views: int = 1,
    num_people: int = 1,
) -> ProposedPeople:
    """The frames (T, ...) of one track, whose proposals know the caller's bodies too. Frames without one keep their proposal.

    Args:
        setup: of the fit.
        proposed: the frames, with their observations weighted.
        init: the bodies in these frames; None without any.
        people: what was given of these frames.
        evidence: what frames tell of the shape.
        num_views: the rows are views of fewer frames, and so many of them are fused into one body.
        num_people: the rows are of several people, with as many rows each.
    """
    if init is None or proposed.proposals is None:
        return proposed
    starts = init.starts
    is_known = ~np.isnan(np.concatenate([starts.global_orient, starts.body_pose], axis=1)).any(axis=1)
    is_known &= np.asarray(proposed.checked.is_fittable)
    if not is_known.any():
        return proposed
    # Frames without a body are fused with the first known one and then left as they were.
    rows = np.where(is_known, np.arange(len(is_known)), np.flatnonzero(is_known)[0])
    known = with_betas_filled(starts[rows])
    placed = placed_before(rows_of(people.camera, rows), known, setup.network, np.asarray(people.keypoints)[rows])
    num_shapes = max(1.0, min(is_known.sum() / num_views, evidence.proposals) / num_views)
    anchor = as_informative(init.anchor, proposed.proposals, is_known, num_people=num_people, num_shapes=num_shapes)
    frames = _StartedFrames(
        rows_of(proposed.observations, rows), placed, rows_of(anchor, rows), rows_of(proposed.proposals, rows)
    )
    fused = jax.device_get(run_in_batches(_fuse_frames, setup.network, frames, setup.devices))
    proposals = jax.tree.map(
        lambda new, old: np.where(is_known.reshape(-1, *[1] * (np.ndim(old) - 1)), new, old), fused, proposed.proposals
    )
    return dataclasses.replace(proposed, proposals=proposals)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class _StartedFrames:
    """Frames (T, ...) with a body of the caller's."""

    observations: Observation
    starts: BodyParameters
    anchors: Anchor
    proposals: Proposal

    def __len__(self) -> int:
        return len(self.starts.transl)

    def only(self, is_person: np.ndarray) -> _StartedFrames:
        """All of them: fusing frames that fill up a batch costs nothing."""
        return self


def _fuse_frames(setup: Setup, frames: _StartedFrames) -> Proposal:
    sigma = jnp.asarray(setup.phases.refine.weights.sigma)[-1]

    def fuse(observation: Observation, start: BodyParameters, anchor: Anchor, proposal: Proposal) -> Proposal:
        placed, fused = fuse_init(setup.scene.body, observation, sigma, start, anchor, proposal)
        assert fused is not None  # there is an anchor
        return Proposal(
            parameters=placed,
            std_pose=1.0 / jnp.asarray(fused.pose_scale),
            std_betas=1.0 / jnp.asarray(fused.betas_scale),
            noise=proposal.noise,
        )

    return jax.vmap(fuse)(frames.observations, frames.starts, frames.anchors, frames.proposals)
