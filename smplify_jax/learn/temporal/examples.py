"""Training examples: synthetic videos, the proposals of their frames by the network for one frame, and the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.keypoint_body import KeypointBody, keypoint_body
from smplify_jax.body.model import BodyModel
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.learn.people import STATURE
from smplify_jax.learn.temporal.detectors import detect_slots, tables_of
from smplify_jax.learn.temporal.motions import MotionBank
from smplify_jax.learn.video.options import TrackOptions
from smplify_jax.learn.video.scene import before_a_camera, body_in_world
from smplify_jax.proposal.network import NUM_BETAS, ProposalNetwork
from smplify_jax.proposal.propose import Proposer, propose
from smplify_jax.proposal.slots import slot_layout
from smplify_jax.proposal.temporal import TrackInput, TrackRefiner, track_input
from smplify_jax.result import MIN_KEYPOINTS

CHUNK = 16
"""Videos whose frames are proposed at once."""

_CAMERAS = TrackOptions(pitch=np.radians(15.0), roll=np.radians(8.0), focal_length=(0.5, 2.5))
_MAX_BETA = 2.5
_SHARE_STEADY, _STEADY_FPS, _FPS = 0.55, 30.0, (12.0, 60.0)
_SHARE_IRREGULAR = 0.1  # of the others: with half as many frames again, of which a third are left out
_SHARE_KNOWN_FOCAL_LENGTH, _FOCAL_LENGTH_ERROR = 0.75, 0.3  # the error is that of the logarithm
_DRAWS_PER_CAMERA = 2  # detectors for each motion before a camera


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrackExample:
    """One video as the temporal network sees it, and the truth in the same, perhaps mistaken, camera.

    Attributes:
        given: the network's input (T, ...).
        pose: (T, 72) axis-angle, root first, in the camera frame [rad].
        pelvis: (T, 3) x/z, y/z, log z.
        betas: (10,).
    """

    given: TrackInput
    pose: Array
    pelvis: Array
    betas: Array


def all_slots_body(body: BodyModel, slots: tuple[str, ...]) -> KeypointBody:
    """The slots of a body as its keypoints."""
    return keypoint_body(body, slot_layout(slots), num_betas=NUM_BETAS)


def draw_examples(
    bank: MotionBank, body: BodyModel, network: ProposalNetwork, num_frames: int, count: int, seed: int
) -> Iterator[TrackExample]:
    """Draw examples, CHUNK at a time with a leading axis; half precision where it suffices.

    Args:
        bank: recorded motions.
        body: the body of all people.
        network: for one frame.
        num_frames: T of every example.
        count: number of examples, rounded up.
        seed: of all random numbers.
    """
    slots = network.slots
    slot_body = all_slots_body(body, slots)
    proposer = Proposer.of(network, slot_layout(slots), body.name, body.num_joints)
    refiner = slots_refiner(proposer)
    for chunk in range(-(-count // CHUNK)):
        videos = []
        for number in range(CHUNK // _DRAWS_PER_CAMERA):
            generator = np.random.default_rng([seed, chunk, number])
            videos += _draw_videos(bank, body, slots, num_frames, generator)
        yield jax.tree.map(np.asarray, _example(proposer, refiner, slot_body, _stacked(videos)))


def slots_refiner(proposer: Proposer) -> TrackRefiner:
    """What `track_input` needs; it does not use the network itself."""
    return TrackRefiner(None, proposer.slots, np.eye(1, dtype=np.float32), proposer.knows_betas)  # type: ignore[arg-type]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Video:
    """One video: detections (T, S, 3), its assumed camera, and the truth, (T, 72), (T, 3), (10,)."""

    keypoints: np.ndarray
    camera: Camera
    is_focal_length_known: np.ndarray
    times: np.ndarray
    pose: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray


def _draw_videos(
    bank: MotionBank, body: BodyModel, slots: tuple[str, ...], num_frames: int, generator: np.random.Generator
) -> list[_Video]:
    """The same motion before one camera, seen by several detectors."""
    times = _draw_times(num_frames, generator)
    betas = np.clip(generator.normal(size=NUM_BETAS), -_MAX_BETA, _MAX_BETA)
    world = body_in_world(body, bank.draw(0, times, generator), betas)
    truth, camera, image_size = before_a_camera(body, world, _CAMERAS, generator)
    blocks = truth.blocks()
    points = np.asarray(project(body.keypoints(**blocks, layout=slot_layout(slots)), camera), float)
    pelvis = np.asarray(body.joints(**blocks), float)[:, 0]
    height_px = camera.focal_length[0] * STATURE / np.maximum(pelvis[:, 2], 0.5 * STATURE)
    tables, videos = tables_of(slots), []
    for _ in range(_DRAWS_PER_CAMERA):
        is_known = generator.uniform() < _SHARE_KNOWN_FOCAL_LENGTH
        ratio = 1.0 if is_known else np.exp(_FOCAL_LENGTH_ERROR * generator.normal())
        depth = np.log(np.maximum(pelvis[:, 2:] * ratio, 0.1))  # in the assumed camera, people stand where they look the same
        videos.append(
            _Video(
                keypoints=detect_slots(points, height_px, times, image_size, tables, slots, generator),
                camera=Camera(ratio * camera.focal_length, camera.camera_center),
                is_focal_length_known=np.array(is_known),
                times=times,
                pose=np.concatenate([truth.global_orient, truth.body_pose], axis=-1),
                pelvis=np.concatenate([pelvis[:, :2] / np.maximum(pelvis[:, 2:], 0.1) / ratio, depth], axis=-1),
                betas=betas,
            )
        )
    return videos


def _draw_times(num_frames: int, generator: np.random.Generator) -> np.ndarray:
    if generator.uniform() < _SHARE_STEADY:
        return np.arange(num_frames) / _STEADY_FPS
    fps = np.exp(generator.uniform(*np.log(_FPS)))
    if generator.uniform() < _SHARE_IRREGULAR:
        return np.sort(generator.choice(num_frames * 3 // 2, num_frames, replace=False)) / fps
    return np.arange(num_frames) / fps


def _stacked(videos: list[_Video]) -> _Video:
    return jax.tree.map(lambda *arrays: np.stack(arrays).astype(np.float32), *videos)


@jax.jit
def _example(proposer: Proposer, refiner: TrackRefiner, body: KeypointBody, videos: _Video) -> TrackExample:
    count, num_frames = videos.times.shape
    per_frame = jax.tree.map(lambda leaf: jnp.repeat(leaf, num_frames, axis=0), (videos.camera, videos.is_focal_length_known))
    keypoints = jnp.asarray(videos.keypoints).reshape(-1, *videos.keypoints.shape[2:])
    is_seen = jnp.sum(keypoints[..., 2] > 0, axis=-1) >= MIN_KEYPOINTS
    confidence = jnp.where(is_seen[:, None], keypoints[..., 2], 0.0)
    observations = Observation(keypoints[..., :2], confidence, per_frame[0], jnp.ones(len(keypoints)))
    proposals, observations = propose(
        proposer, body, observations, per_frame[1] > 0, is_seen, num_passes=2, chunk_size=num_frames
    )
    tracks = jax.tree.map(
        lambda leaf: leaf.reshape(count, num_frames, *leaf.shape[1:]), (proposals, observations, per_frame[1] > 0, is_seen)
    )
    given = jax.vmap(lambda *track: track_input(refiner, proposer, body, *track)[0])(*tracks, jnp.asarray(videos.times))
    half = dataclasses.replace(
        given,
        base=dataclasses.replace(given.base, rotations=given.base.rotations.astype(jnp.float16)),
        features=given.features.astype(jnp.float16),
    )
    return TrackExample(half, videos.pose, videos.pelvis, videos.betas)
