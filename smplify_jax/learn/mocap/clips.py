"""The clips of a motion folder: file, subject, action, and how to read each."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.learn.mocap import conventions
from smplify_jax.learn.mocap.asf_amc import read_amc
from smplify_jax.learn.mocap.bvh import read_bvh
from smplify_jax.learn.mocap.deepmimic import read_deepmimic
from smplify_jax.learn.mocap.glb import read_glb
from smplify_jax.learn.mocap.motion import Motion
from smplify_jax.learn.mocap.retarget import Rig, retarget, rotvecs, zero_pose
from smplify_jax.learn.mocap.root_path import root_path

MANIFEST = "manifest.csv"

UNUSABLE = ("extra/cmu_amc/016_11.amc.gz",)
"""Clips that do not match their skeleton: this one was written by another program with other bone axes."""

_BVH_CONVENTIONS: dict[str, tuple[Rig, str | None]] = {
    "mb": (conventions.MOTION_BUILDER, None),
    "mb1": (conventions.MOTION_BUILDER_T_POSE, "tpose/mb1.bvh"),
    "max": (conventions.MAX, None),
    "daz": (conventions.DAZ, "tpose/daz.bvh"),
    "iclone": (conventions.ICLONE, "tpose/iclone.bvh"),
}
"""Convention: (rig, reference file within the folder; None takes the zero pose)."""

_GLB_RIGS = {
    "pelvis": (conventions.MESH2MOTION_ADDON, "Rest Pose"),
    "DEF-hips": (conventions.MESH2MOTION_BASE, "T-Pose"),
}
"""Rigs by a joint that only they have: (rig, the animation that rests in the T-pose)."""

_WALKING = re.compile(r"walk|run|jog", re.IGNORECASE)


@dataclass(frozen=True)
class RetargetedMotion:
    """T frames of a recording on the SMPL tree, in a y-up world whose +z is the recording's front.

    Fields:
        poses: (T, 72) axis-angle [rad].
        path: (T, 3) the point between the hips, in lengths of the actor's leg (see root_path); None where the reader leaves it out.
    """

    poses: np.ndarray
    path: np.ndarray | None


@dataclass(frozen=True)
class Clip:
    """One recording.

    Fields:
        name: file within the folder, with the animation's name after '#' where a file holds several.
        source: the collection, one of SOURCES.
        subject: the actor, unique over collections ("cmu_35").
        action: the action, in the collection's words.
        split: "train", "val", or "hdm05" (for measuring only).
        retargeted: reads the file and returns the motion.
        fps: frames per second; None where the manifest does not state it.
    """

    name: str
    source: str
    subject: str
    action: str
    split: str
    retargeted: Callable[[], RetargetedMotion]
    fps: float | None = None

    def read(self) -> np.ndarray:
        """The poses (T, 72), axis-angle [rad], y-up world."""
        return self.retargeted().poses

    @property
    def is_walking(self) -> bool:
        """The action is walking, jogging or running."""
        return bool(_WALKING.search(self.action))


def find_clips(folder: str | Path) -> list[Clip]:
    """All clips of a motion folder, in a fixed order.

    Args:
        folder: contains manifest.csv (columns file, subject, action, convention, split), and optionally further collections
            in extra/ (with its own manifest.csv), cc0_animations/*.glb and deepmimic/*.json.gz.
    Raises:
        InputError: no manifest, or one with an unknown convention.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} has no {MANIFEST}; give the motion folder with its manifest of clips.")
    rows = _read_rows(folder / MANIFEST)
    held_out = {_cmu(row["subject"]) for row in rows if row["split"] == "val"}
    clips = [_manifest_clip(folder, row) for row in rows]
    others = [*_extra_clips(folder), *_glb_clips(folder)]
    clips += [clip for clip in others if clip.subject not in held_out and clip.name not in UNUSABLE]
    known = {
        clip.subject for clip in clips
    }  # DeepMimic's copies have fewer joints, so other copies of a subject are better
    return clips + [clip for clip in _deepmimic_clips(folder) if clip.subject not in known | held_out]


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _cmu(subject: str) -> str:
    return f"cmu_{int(subject)}"


def _manifest_clip(folder: Path, row: dict[str, str]) -> Clip:
    path, convention = folder / row["file"], row["convention"]
    if convention == "asf":
        read = _amc_reader(path, path.parent / f"{int(row['subject']):03d}.asf")
    elif convention in _BVH_CONVENTIONS:
        rig, reference = _BVH_CONVENTIONS[convention]
        read = _bvh_reader(path, rig, _reference_file(folder, reference) if reference else None)
    else:
        known = ", ".join(["asf", *_BVH_CONVENTIONS])
        raise InputError(
            f"{folder / MANIFEST} gives {row['file']} the convention '{convention}'; known ones are {known}."
        )
    fps = float(row["fps"]) if row.get("fps") else None
    return Clip(row["file"], "cmu", _cmu(row["subject"]), row["action"], row["split"], read, fps)


def _reference_file(folder: Path, name: str) -> Path:
    """In the folder, or beside it where a folder of further clips lies within the motion folder."""
    return folder / name if (folder / name).is_file() else folder.parent / name


def _extra_clips(folder: Path) -> Iterator[Clip]:
    extra = folder / "extra"
    if not (extra / MANIFEST).is_file():
        return
    for row in _read_rows(extra / MANIFEST):
        path, source = extra / row["file"], row["source"]
        start = path.name[:3]
        if source == "hdm05":
            read = _amc_reader(path, path.parent / f"{row['subject']}.asf")
            yield Clip(f"extra/{row['file']}", source, row["subject"].lower(), row["action"], "hdm05", read)
            continue
        if source == "cmu_amc":
            read = _amc_reader(path, path.parent / f"{start}.asf")
        elif source == "cmu_daz":
            read = _bvh_reader(path, conventions.DAZ, path.parent / f"tpose_{start}.bvh")
        elif source == "animated_drawings" and row["subject"] == "fair1":
            read = _bvh_reader(path, conventions.FAIR, None)
        else:
            continue  # not worth a rig for one or two clips
        subject = _cmu(row["subject"].removeprefix("CMU_")) if source.startswith("cmu") else source
        yield Clip(f"extra/{row['file']}", source, subject, row["action"], "train", read)


def _glb_clips(folder: Path) -> Iterator[Clip]:
    for path in sorted((folder / "cc0_animations").glob("*.glb")):
        motions = read_glb(path)
        names = next(iter(motions.values())).joint_names
        rig, rest = next(entry for joint, entry in _GLB_RIGS.items() if joint in names)
        reference = motions[rest].frames(slice(0, 1))
        for action, motion in motions.items():
            if action != rest:
                yield Clip(
                    f"cc0_animations/{path.name}#{action}",
                    "cc0",
                    "cc0",
                    action,
                    "train",
                    lambda motion=motion, reference=reference, rig=rig: _retargeted(motion, reference, rig),
                )


def _deepmimic_clips(folder: Path) -> Iterator[Clip]:
    for path in sorted((folder / "deepmimic").glob("*.json.gz")):
        subject = _cmu(path.name.split("_")[0])
        yield Clip(f"deepmimic/{path.name}", "deepmimic", subject, "", "train", _deepmimic_reader(path))


def _amc_reader(path: Path, skeleton: Path) -> Callable[[], RetargetedMotion]:
    def read() -> RetargetedMotion:
        motion = read_amc(path, skeleton)
        return _retargeted(motion, zero_pose(motion), conventions.ASF)

    return read


def _bvh_reader(path: Path, rig: Rig, reference: Path | None) -> Callable[[], RetargetedMotion]:
    def read() -> RetargetedMotion:
        motion = read_bvh(path)
        return _retargeted(motion, _read_bvh_once(reference) if reference else zero_pose(motion), rig)

    return read


def _deepmimic_reader(path: Path) -> Callable[[], RetargetedMotion]:
    def read() -> RetargetedMotion:
        motion = read_deepmimic(path)
        return _retargeted(motion, zero_pose(motion), conventions.DEEP_MIMIC)

    return read


def _retargeted(motion: Motion, reference: Motion, rig: Rig) -> RetargetedMotion:
    return RetargetedMotion(rotvecs(retarget(motion, reference, rig)), root_path(motion, rig))


_read_bvh_once = cache(read_bvh)
