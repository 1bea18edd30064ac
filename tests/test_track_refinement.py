"""The temporal network: what it sees of a track, what it must not depend on, and its files."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from smplify_jax.proposal.temporal import TrackRefiner, refine_track
from smplify_jax.proposal.temporal_load import load_temporal_network, save_temporal_network
from smplify_jax.proposal.temporal_network import OUTPUT_SIZE, REACH, TemporalBlock, TemporalNetwork
from smplify_jax.proposal.track_features import feature_size

from smplify_jax import load_body
from smplify_jax.body.keypoint_body import keypoint_body
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.observation import Observation
from smplify_jax.camera.pinhole import Camera, project
from smplify_jax.errors import InputError
from smplify_jax.geometry.mirror import mirrored_poses
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.proposal.propose import Proposal
from smplify_jax.proposal.slots import all_slots

LAYOUT = get_layout("coco17")
BODY = load_body(num_betas=10)
SLOTS = all_slots()


def random_network(seed=0, width=16, num_blocks=2, strength=0.3, body_name="open body"):
    """Weights that change everything, so that what is tested is not tested of a network that does nothing."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (strength * rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)

    blocks = tuple(
        TemporalBlock(
            mixed=draw(width, 3 * width),
            joined=draw(width, width),
            time_offset=np.array([-0.1, 0.0, 0.0, 0.1], np.float32),
            log_time_width=np.log(np.array([0.1, 0.1, 0.5, 0.1], np.float32)),
            inner=draw(width, 2 * width),
            bias=draw(2 * width),
            outer=draw(2 * width, width),
        )
        for _ in range(num_blocks)
    )
    return TemporalNetwork(
        first=draw(feature_size(len(SLOTS)), width),
        first_bias=draw(width),
        blocks=blocks,
        last=draw(width, OUTPUT_SIZE),
        last_bias=draw(OUTPUT_SIZE),
        pose_correlation=np.eye(69, dtype=np.float32),
        slots=SLOTS,
        body_name=body_name,
    )


def zero_network():
    network = random_network()
    return dataclasses.replace(network, last=np.zeros_like(network.last), last_bias=np.zeros_like(network.last_bias))


@dataclasses.dataclass(frozen=True)
class Case:
    """Arguments of `refine_track` for one track."""

    proposals: Proposal
    observations: Observation
    is_seen: np.ndarray
    times: np.ndarray

    def rows(self, index):
        proposals, observations = jax.tree.map(lambda leaf: leaf[index], (self.proposals, self.observations))
        return Case(proposals, observations, self.is_seen[index], self.times[index])

    def refined(self, network, body=BODY):
        refiner = TrackRefiner.of(network, LAYOUT, body.name, body.num_joints)
        return jax.tree.map(
            np.asarray, REFINE(refiner, keypoint_body(body, LAYOUT), *(getattr(self, f.name) for f in FIELDS))
        )


FIELDS = dataclasses.fields(Case)
REFINE = jax.jit(refine_track)


def moving(num_frames=40, fps=30.0, noise=0.1, seed=0):
    """A person who waves both arms and turns before the camera, with proposals that err from frame to frame."""
    rng, times = np.random.default_rng(seed), np.arange(num_frames) / fps
    pose = np.zeros((num_frames, 72))
    pose[:, 3 * 16 + 2] = -1.0 + 0.4 * np.sin(4 * times)
    pose[:, 3 * 17 + 2] = 1.2 + 0.3 * np.sin(3 * times)
    pose[:, 3 * 4] = 0.4 + 0.3 * np.sin(5 * times)
    orient = Rotation.from_euler("x", np.pi) * Rotation.from_euler("y", 0.3 * np.sin(times)[:, None])
    betas = np.tile(rng.normal(size=10), (num_frames, 1))
    transl = np.stack([0.3 * times, 0.1 * np.sin(times), 4.0 + 0.2 * times], axis=-1)
    truth = BodyParameters(*(jnp.asarray(a, jnp.float32) for a in (orient.as_rotvec(), pose[:, 3:], betas, transl)))
    camera = Camera(jnp.full((num_frames, 2), 1000.0), jnp.full((num_frames, 2), 500.0))
    points = project(BODY.keypoints(**truth.blocks(), layout=LAYOUT), camera)
    observations = Observation(
        points + jnp.asarray(rng.normal(0, 5, points.shape), jnp.float32),
        jnp.ones(points.shape[:2]),
        camera,
        jnp.ones(num_frames),
    )
    erring = BodyParameters(
        (orient * Rotation.from_rotvec(noise * rng.normal(size=(num_frames, 3)))).as_rotvec().astype(np.float32),
        (pose[:, 3:] + noise * rng.normal(size=(num_frames, 69))).astype(np.float32),
        (betas + noise * rng.normal(size=betas.shape)).astype(np.float32),
        (transl + 0.1 * noise * rng.normal(size=transl.shape)).astype(np.float32),
    )
    shape = (num_frames, 69), (num_frames, 10), (num_frames, 17)
    stds = (rng.uniform(0.1, 0.4, size).astype(np.float32) for size in shape)
    return Case(Proposal(erring, *stds), observations, np.ones(num_frames, bool), times.astype(np.float32)), truth


def assert_alike(one, other, atol=2e-4):
    """The tolerance is that of float32 through some ten layers, and of axis-angle vectors near half a turn."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def off_truth(refined, truth):
    """Mean angle between the joints' rotations and the true ones [rad]."""
    angles = []
    for name in ("global_orient", "body_pose"):
        one, true = (
            Rotation.from_rotvec(np.asarray(getattr(p, name)).reshape(-1, 3)) for p in (refined.parameters, truth)
        )
        angles.append((one.inv() * true).magnitude())
    return np.concatenate(angles).mean()


@pytest.mark.parametrize("num_frames", [1, 2, 5, REACH, 2 * REACH + 7])
def test_a_track_of_any_length_keeps_its_shapes_and_is_finite(num_frames):
    case, _ = moving(num_frames)
    refined = case.refined(random_network())
    for new, old in zip(jax.tree.leaves(refined), jax.tree.leaves(case.proposals), strict=True):
        assert new.shape == old.shape
        assert np.isfinite(new).all()


def test_one_shape_holds_for_all_frames():
    refined = moving()[0].refined(random_network())
    assert np.ptp(refined.parameters.betas, axis=0).max() == 0
    assert np.ptp(refined.std_betas, axis=0).max() == 0


def test_without_corrections_a_track_is_smoothed_towards_the_truth():
    case, truth = moving(noise=0.2)
    proposed, refined = (off_truth(one, truth) for one in (case.proposals, case.refined(zero_network())))
    assert refined < 0.6 * proposed  # about five frames count: 1 / sqrt(5) is 0.45, and the ends have fewer


def test_a_frame_that_disagrees_with_its_neighbours_hardly_counts():
    case, truth = moving(noise=0.0)
    orient = np.array(case.proposals.parameters.global_orient)
    orient[20] = (Rotation.from_rotvec(orient[20]) * Rotation.from_euler("y", np.pi)).as_rotvec()  # back to front
    parameters = dataclasses.replace(case.proposals.parameters, global_orient=orient)
    case = dataclasses.replace(case, proposals=dataclasses.replace(case.proposals, parameters=parameters))
    refined = Rotation.from_rotvec(case.refined(zero_network()).parameters.global_orient)
    off = (refined.inv() * Rotation.from_rotvec(np.asarray(truth.global_orient))).magnitude()
    assert off.max() < 0.05


def test_missing_frames_are_filled_between_their_neighbours_whatever_they_hold():
    case, truth = moving(noise=0.0)
    is_seen = np.ones(40, bool)
    is_seen[10:13] = False
    is_seen[35:] = False
    hidden = jax.tree.map(
        lambda leaf: jnp.where(is_seen.reshape(-1, *[1] * (leaf.ndim - 1)), leaf, jnp.nan), case.proposals
    )
    missing = dataclasses.replace(case, proposals=hidden, is_seen=is_seen).refined(zero_network())
    off = np.abs(missing.parameters.body_pose - truth.body_pose)
    assert off[:35].max() < 0.08  # three frames at 4 rad/s and 0.4 rad bend away from a straight line by less
    assert np.isfinite(np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(missing.parameters)])).all()


def test_frames_appended_as_padding_change_nothing():
    case, _ = moving(40)
    network = random_network()
    longer = case.rows(np.minimum(np.arange(75), 39))
    padding = np.arange(75) >= 40
    proposals = jax.tree.map(
        lambda leaf: jnp.where(padding.reshape(-1, *[1] * (leaf.ndim - 1)), jnp.nan, leaf), longer.proposals
    )
    padded = dataclasses.replace(longer, proposals=proposals, is_seen=~padding).refined(network)
    assert_alike(jax.tree.map(lambda leaf: leaf[:40], padded), case.refined(network))


def test_without_any_frame_seen_the_proposals_stay():
    case, _ = moving(5)
    refined = dataclasses.replace(case, is_seen=np.zeros(5, bool)).refined(random_network())
    assert_alike(refined, jax.tree.map(np.asarray, case.proposals), atol=0)


def test_a_batch_of_tracks_equals_the_loop():
    network, cases = random_network(), [moving(seed=seed)[0] for seed in range(3)]
    refiner, body = TrackRefiner.of(network, LAYOUT, BODY.name, BODY.num_joints), keypoint_body(BODY, LAYOUT)
    stacked = [jax.tree.map(lambda *leaves: jnp.stack(leaves), *(getattr(c, f.name) for c in cases)) for f in FIELDS]
    together = jax.jit(jax.vmap(lambda *track: refine_track(refiner, body, *track)))(*stacked)
    for row, case in enumerate(cases):
        assert_alike(jax.tree.map(lambda leaf, row=row: leaf[row], together), case.refined(network))


def test_the_network_does_not_look_beyond_its_reach():
    network, rng = random_network(num_blocks=1), np.random.default_rng(0)
    features = rng.normal(size=(100, feature_size(len(SLOTS)))).astype(np.float32)
    times, seen = np.arange(100, dtype=np.float32) / 30, np.ones(100, bool)
    before = np.asarray(network(features, times, seen))
    features[:10] += 1.0
    changes = np.abs(np.asarray(network(features, times, seen)) - before).max(axis=1)
    assert (changes[10 + REACH :] == 0).all()
    assert changes[10:20].max() > 1e-3


def test_where_a_track_begins_does_not_matter_in_its_middle():
    network, rng = random_network(num_blocks=1), np.random.default_rng(0)
    features = rng.normal(size=(120, feature_size(len(SLOTS)))).astype(np.float32)
    times, seen = np.arange(120, dtype=np.float32) / 30, np.ones(120, bool)
    whole = np.asarray(network(features, times, seen))
    part = np.asarray(network(features[7:], times[7:], seen[7:]))
    np.testing.assert_allclose(part[REACH + 7 :], whole[REACH + 14 :], atol=1e-4)


@pytest.mark.parametrize("fps", [12.0, 60.0])
def test_a_person_who_stands_still_is_refined_alike_at_any_frame_rate(fps):
    network = random_network()
    still = moving(1)[0].rows(np.zeros(90, int))
    alike = [
        dataclasses.replace(still, times=np.arange(90, dtype=np.float32) / rate).refined(network)
        for rate in (30.0, fps)
    ]
    assert_alike(*(jax.tree.map(lambda leaf: leaf[45], one) for one in alike), atol=1e-3)


def test_a_mirrored_track_is_refined_to_the_mirror_image():
    case, _ = moving()
    network, flip, parameters = random_network(), np.array(LAYOUT.flip), case.proposals.parameters
    pose = mirrored_poses(np.concatenate([parameters.global_orient, parameters.body_pose], axis=-1))
    # The open body is symmetric, so that its shape stays the same.
    mirrored = dataclasses.replace(
        case.proposals,
        parameters=BodyParameters(
            pose[:, :3], pose[:, 3:], parameters.betas, parameters.transl * np.float32([-1, 1, 1])
        ),
        std_pose=np.abs(mirrored_poses(case.proposals.std_pose)),
        noise=case.proposals.noise[:, flip],
    )
    points = case.observations.keypoints_px[:, flip] * jnp.array([-1.0, 1.0]) + jnp.array([1000.0, 0.0])
    seen = dataclasses.replace(case.observations, keypoints_px=points)
    other = dataclasses.replace(case, proposals=mirrored, observations=seen).refined(network)
    one = case.refined(network)
    expected = mirrored_poses(np.concatenate([one.parameters.global_orient, one.parameters.body_pose], axis=-1))
    found = np.concatenate([other.parameters.global_orient, other.parameters.body_pose], axis=-1)
    same = Rotation.from_rotvec(found.reshape(-1, 3)).inv() * Rotation.from_rotvec(expected.reshape(-1, 3))
    assert same.magnitude().max() < 2e-3
    np.testing.assert_allclose(other.parameters.betas, one.parameters.betas, atol=1e-3)
    np.testing.assert_allclose(other.parameters.transl, one.parameters.transl * np.float32([-1, 1, 1]), atol=2e-3)


def test_the_shape_of_a_body_that_the_network_does_not_know_stays_as_proposed():
    case, _ = moving()
    unknown = dataclasses.replace(case.proposals, std_betas=np.full((40, 10), np.inf, np.float32))
    refined = dataclasses.replace(case, proposals=unknown).refined(random_network(body_name="another body"))
    np.testing.assert_array_equal(refined.parameters.betas, case.proposals.parameters.betas)
    assert np.isinf(refined.std_betas).all()
    assert np.isfinite(refined.parameters.body_pose).all()


def test_a_written_network_is_read_back_up_to_eight_bits(tmp_path):
    network = random_network()
    save_temporal_network(tmp_path / "temporal.npz", network)
    read = load_temporal_network(tmp_path / "temporal.npz")
    assert (read.slots, read.body_name, len(read.blocks)) == (network.slots, network.body_name, len(network.blocks))
    for a, b in zip(jax.tree.leaves(read), jax.tree.leaves(network), strict=True):
        np.testing.assert_allclose(a, b, atol=np.abs(b).max() / 250)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": np.int32(2)}, "format version 1"),
        ({"first_bias": None}, "lacks 'first_bias'"),
        ({"mixed_0": np.zeros((3, 3), np.int8), "mixed_0_scale": np.ones(3, np.float32)}, "do not fit each other"),
        ({"last_bias": np.full(OUTPUT_SIZE, np.nan, np.float32)}, "not finite"),
        ({"time_offset_0": np.zeros(3, np.float32)}, "do not fit each other"),
        ({"slots": np.zeros(3)}, "neither numbers nor names"),
    ],
)
def test_a_file_that_is_no_temporal_network_is_refused_with_a_sentence(tmp_path, change, message):
    save_temporal_network(tmp_path / "one.npz", random_network())
    with np.load(tmp_path / "one.npz") as file:
        stored = dict(file)
    stored = {name: value for name, value in (stored | change).items() if value is not None}
    np.savez(tmp_path / "other.npz", **stored)
    with pytest.raises(InputError, match=message):
        load_temporal_network(tmp_path / "other.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_temporal_network(tmp_path / "none.npz")
