"""The options that say what else the command writes for each person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dataset_fits import draw_fits, draw_motion

from smplify_jax.cli.arguments import check_command
from smplify_jax.cli.inputs import PersonInput
from smplify_jax.cli.options import FitCommand, TrackOptions, WriteOptions
from smplify_jax.cli.outputs import write_person
from smplify_jax.cli.program import UsageError
from smplify_jax.cli.world_files import write_world_person
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.media.tracks import FittedTrack

ALL = WriteOptions(overlay=False, ply=True, glb=True, bvh=True, amass=True, smpl=True)
EVERYTHING = {".npz", ".obj", ".ply", "_amass.npz", ".glb", ".bvh", ".smpl"}


def written(folder: Path, name: str) -> set[str]:
    return {path.name.removeprefix(name) for path in folder.iterdir()}


def test_a_person_of_a_picture_has_the_exports_that_are_asked_for(tmp_path: Path):
    rows, fits = draw_fits(1)
    person = PersonInput("anna", Path("people.json"), rows[0], rows[0].keypoints, np.array([640.0, 480.0]))
    names, _ = write_person(tmp_path, person, fits[0], ALL)
    assert written(tmp_path, "anna") == EVERYTHING == {name.removeprefix("anna") for name in names}
    names, _ = write_person(tmp_path, person, fits[0], WriteOptions(overlay=False))
    assert names == ["anna.npz", "anna.obj"]
    names, _ = write_person(tmp_path, person, fits[0], WriteOptions(overlay=False, obj=False, glb=True))
    assert names == ["anna.npz", "anna.glb"]


def test_a_person_of_one_moment_in_a_world_has_them_too(tmp_path: Path):
    fits = draw_fits(1)[1]
    write_world_person(tmp_path, "anna", fits[0], np.zeros(1), None, write=ALL)
    assert written(tmp_path, "anna") == EVERYTHING


def test_a_motion_has_no_plain_mesh(tmp_path: Path):
    motion = draw_motion(3)
    write_world_person(tmp_path, "anna", motion, np.arange(3) / 25, 25.0, write=ALL)
    assert written(tmp_path, "anna") == EVERYTHING - {".obj", ".ply"}


def test_a_track_has_its_two_usual_exports_and_those_asked_for(tmp_path: Path):
    motion = draw_motion(3)
    track = KeypointTrack(
        name="anna",
        video="",
        track_id="0",
        is_id_stated=False,
        keypoints=np.zeros((3, 17, 3), np.float32),
        layout="coco17",
        frames=np.arange(3),
        frame_rate=25.0,
        people=np.arange(3),
        image_names=(None,) * 3,
        image_size=np.array([640.0, 480.0]),
        focal_length=np.nan,
        camera_center=np.full(2, np.nan),
    )
    fitted = FittedTrack(track, np.arange(3) / 25, motion)
    assert fitted.write(tmp_path) == ("anna.npz", "anna_amass.npz", "anna.glb")
    assert fitted.write(tmp_path, (".glb", ".bvh")) == ("anna.npz", "anna_amass.npz", "anna.glb", "anna.bvh")


def test_a_mesh_of_a_track_is_refused():
    command = FitCommand(inputs=(Path("a.json"),), write=WriteOptions(out=Path("out"), ply=True))
    check_command(command)
    with pytest.raises(UsageError, match="--ply is for fits of single pictures"):
        check_command(replace(command, video=TrackOptions(track=True)))
