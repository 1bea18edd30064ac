"""Poses that recordings hardly have, to learn from and to measure with."""

import numpy as np
import pytest

from smplify_jax import load_body
from smplify_jax.body.part_pairs import PAPER_PAIRS
from smplify_jax.body.penetration import penetration_depth
from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.mocap.limits import is_possible
from smplify_jax.learn.people import PeopleOptions, make_people
from smplify_jax.learn.rare_poses import FAMILIES, rare_poses


@pytest.fixture(scope="module")
def body():
    return load_body(num_betas=10)


@pytest.fixture(scope="module")
def drawn(body):
    return {split: rare_poses(body, split, 5 * len(FAMILIES)) for split in ("train", "score", "val")}


def heights(body, poses):
    """(N, 24) of the joints above the pelvis, by name."""
    joints = np.asarray(
        body.joints(
            betas=np.zeros((len(poses), 10), np.float32),
            global_orient=poses[:, :3],
            body_pose=poses[:, 3:],
            transl=np.zeros((len(poses), 3), np.float32),
        )
    )
    above = joints[..., 1] - joints[:, :1, 1]
    return dict(zip(SMPL_JOINT_NAMES, above.T, strict=True))


def test_no_family_is_used_for_two_purposes(drawn):
    families = [name for poses in drawn.values() for name in set(poses.actions)]
    assert sorted(families) == sorted(FAMILIES)


def test_rare_poses_are_possible_and_do_not_reach_into_themselves(drawn, body):
    for poses in drawn.values():
        assert is_possible(0.9999 * poses.poses).all()  # limits, rounded to single precision
        shape = np.zeros((len(poses), 10), np.float32)
        depth = penetration_depth(body, betas=shape, body_pose=poses.body_poses, pairs=PAPER_PAIRS)
        assert np.max(depth) < 0.0401  # the limit, in single precision


def test_the_same_seed_draws_the_same_poses_and_another_others(body, drawn):
    again = rare_poses(body, "val", 5 * len(FAMILIES))
    np.testing.assert_array_equal(again.poses, drawn["val"].poses)
    assert (rare_poses(body, "val", 5 * len(FAMILIES), seed=1).poses != again.poses).any(axis=1).all()


@pytest.mark.parametrize(
    ("family", "lower", "higher"),
    [
        ("handstand", "head", "left_ankle"),
        ("shoulder stand", "head", "pelvis"),
        ("wheel", "head", "pelvis"),
        ("wheel", "left_ankle", "pelvis"),
        ("kneeling", "left_ankle", "spine3"),
        ("climbing", "pelvis", "left_wrist"),
        ("hips raised, hands and feet down", "head", "pelvis"),
        ("cartwheel", "neck", "left_ankle"),
        ("sitting with legs apart", "left_ankle", "spine3"),
        ("curled up", "pelvis", "left_knee"),
    ],
)
def test_a_family_stands_as_its_name_says(drawn, body, family, lower, higher):
    poses = drawn[FAMILIES[family].split]
    of_joints = heights(body, poses.select(np.flatnonzero(poses.actions == family)).poses)
    assert (of_joints[lower] < of_joints[higher]).mean() > 0.7  # they vary


def test_kneeling_people_have_their_shins_on_one_height_and_lying_ones_everything(drawn, body):
    poses = drawn["train"]
    kneeling = heights(body, poses.select(np.flatnonzero(poses.actions == "kneeling")).poses)
    assert np.median(np.abs(kneeling["left_knee"] - kneeling["left_ankle"])) < 0.12  # of 0.4 m
    lying = heights(body, poses.select(np.flatnonzero(poses.actions == "lying on the back")).poses)
    assert np.median(np.abs(lying["head"])) < 0.2


def test_people_can_be_drawn_in_rare_poses(body, tmp_path):
    people = make_people(tmp_path, body, options=PeopleOptions(num_rare=18, max_poses_per_subject=1))
    assert len(people) == 18
    assert set(people.poses.actions) == {name for name, family in FAMILIES.items() if family.split == "val"}


def test_a_split_without_families_is_refused(body):
    with pytest.raises(InputError, match="hdm05"):
        rare_poses(body, "hdm05", 3)
