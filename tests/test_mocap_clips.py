"""Motion folders: manifests, draws of poses, and every convention as it was really recorded."""

from pathlib import Path

import numpy as np
import pytest
from motion_folders import write_clip, write_skeleton
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES, SMPL_PARENTS
from smplify_jax.learn.mocap.clips import find_clips
from smplify_jax.learn.mocap.motion import compose
from smplify_jax.learn.mocap.poses import load_poses


def test_folder_without_manifest_is_told(tmp_path: Path):
    with pytest.raises(InputError, match=r"manifest\.csv"):
        find_clips(tmp_path)


def test_unknown_convention_is_told(tmp_path: Path):
    (tmp_path / "manifest.csv").write_text("file,subject,action,convention,split\na.bvh,1,walk,mystery,train\n")
    with pytest.raises(InputError, match="mystery"):
        find_clips(tmp_path)


def _write_asf_folder(folder: Path) -> None:
    """A manifest with a run and a sit of 20 frames, on a skeleton whose limbs all hang down, in small random poses."""
    (folder / "manifest.csv").write_text(
        "file,subject,action,convention,split\na.amc,1,run,asf,train\nb.amc,2,sit,asf,train\n"
    )
    generator = np.random.default_rng(0)
    for clip, actor in (("a", "001"), ("b", "002")):
        write_skeleton(folder / f"{actor}.asf")
        write_clip(folder / f"{clip}.amc", 20, lambda _: (0.0,) * 6, lambda *_: generator.uniform(0, 5))


def test_draw_of_poses_is_repeatable_and_limited_per_clip(tmp_path: Path):
    _write_asf_folder(tmp_path)
    first, again = (load_poses(tmp_path, split="train", max_frames_per_clip=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.poses, again.poses)
    assert first.clips.tolist() == ["a.amc"] * 5 + ["b.amc"] * 5
    assert first.is_walking.tolist() == [True] * 5 + [False] * 5


def test_split_without_a_usable_clip_is_told(tmp_path: Path):
    _write_asf_folder(tmp_path)
    with pytest.raises(InputError, match="no usable clip"):
        load_poses(tmp_path, split="val", max_frames_per_clip=5, seed=3)


@pytest.mark.real_data
def test_no_actor_of_the_validation_split_is_learned_from(shared_data: Path):
    clips = find_clips(shared_data / "mocap")
    trained = {clip.subject for clip in clips if clip.split == "train"}
    assert trained.isdisjoint({clip.subject for clip in clips if clip.split == "val"})
    assert trained.isdisjoint({f"cmu_{number}" for number in (6, 12, 43, 131)})
    assert not any(clip.source == "hdm05" for clip in clips if clip.split != "hdm05")


def _convention_of(name: str) -> str:
    return (
        name.split(".")[-3] if name.endswith("bvh.gz") and "/" not in name.split("/", 1)[1] else name.rsplit("/", 1)[0]
    )


@pytest.mark.real_data
def test_every_convention_bends_knees_and_elbows_forward_and_stands_on_flat_feet(shared_data: Path):
    by_convention: dict[str, list[np.ndarray]] = {}
    for clip in find_clips(shared_data / "mocap")[::7]:
        by_convention.setdefault(_convention_of(clip.name), []).append(clip.read())
    assert len(by_convention) >= 9
    for convention, parts in by_convention.items():
        poses = np.concatenate(parts)
        vectors = poses.reshape(-1, 24, 3)
        at = {name: vectors[:, index] for index, name in enumerate(SMPL_JOINT_NAMES)}
        for side, sign in (("left", -1.0), ("right", 1.0)):
            # single frames and one whole clip are broken in some conventions
            assert np.mean(at[f"{side}_knee"][:, 0] > -0.2) > 0.98, convention
            assert np.mean(sign * at[f"{side}_elbow"][:, 1] > -0.3) > 0.9, convention
            bent = at[f"{side}_knee"][np.linalg.norm(at[f"{side}_knee"], axis=1) > 0.5]
            sideways = np.abs(bent[:, 1:]).max(axis=1) / np.linalg.norm(bent, axis=1)
            assert np.median(sideways) < 0.1, convention
        world = compose(SMPL_PARENTS, Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix().reshape(-1, 24, 3, 3))
        pitch = np.degrees(np.arcsin(np.clip(world[:, 7:9, 1, 2].ravel(), -1, 1)))
        counts, edges = np.histogram(pitch, bins=np.arange(-90, 91, 10))
        assert -20 <= edges[counts.argmax()] <= 10, convention  # feet are on the ground in the most frequent bin
