"""The options that say what else the command writes for each person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from dataset_fits import draw_fits, draw_motion

from smplify_jax.cli.arguments import check_command
from smplify_jax.cli.fit import main
from smplify_jax.cli.inputs import FoundInputs, PersonInput
from smplify_jax.cli.options import FitCommand, TrackOptions, WriteOptions
from smplify_jax.cli.outputs import write_person
from smplify_jax.cli.program import UsageError
from smplify_jax.cli.world_files import write_world_person
from smplify_jax.keypoints.tracks import KeypointTrack
from smplify_jax.media.tracks import FittedTrack
from smplify_jax.result import FitStatus

ALL = WriteOptions(overlay=False, ply=True, glb=True, bvh=True, amass=True, smpl=True)
EVERYTHING = {".npz", ".obj", ".ply", "_amass.npz", ".glb", ".bvh", ".smpl"}


def refuse(sentence: str) -> None:
    raise AssertionError(sentence)


def written(folder: Path, name: str) -> set[str]:
    return {path.name.removeprefix(name) for path in folder.iterdir()}


def test_a_person_of_a_picture_has_the_exports_that_are_asked_for(tmp_path: Path):
    rows, fits = draw_fits(1)
    person = PersonInput("anna", Path("people.json"), rows[0], rows[0].keypoints, np.array([640.0, 480.0]))
    names, _ = write_person(tmp_path, person, fits[0], ALL, refuse)
    assert written(tmp_path, "anna") == EVERYTHING == {name.removeprefix("anna") for name in names}
    names, _ = write_person(tmp_path, person, fits[0], WriteOptions(overlay=False), refuse)
    assert names == ["anna.npz", "anna.obj"]
    names, _ = write_person(tmp_path, person, fits[0], WriteOptions(overlay=False, obj=False, glb=True), refuse)
    assert names == ["anna.npz", "anna.glb"]


def test_a_person_of_one_moment_in_a_world_has_them_too(tmp_path: Path):
    fits = draw_fits(1)[1]
    write_world_person(tmp_path, "anna", fits[0], np.zeros(1), None, write=ALL, complain=refuse)
    assert written(tmp_path, "anna") == EVERYTHING


def test_a_motion_in_a_world_has_a_folder_of_meshes(tmp_path: Path):
    motion, frames = draw_motion(3), np.array([4, 6, 8])
    motion = replace(motion, status=np.array([0, FitStatus.TOO_FEW_KEYPOINTS, 0], np.int32))
    of_motion: dict[str, Any] = {"write": ALL, "complain": refuse, "frames": frames}
    names = write_world_person(tmp_path, "anna", motion, np.arange(3) / 25, 25.0, **of_motion)
    assert written(tmp_path, "anna") == EVERYTHING - {".obj", ".ply"} | {"_ply"}
    assert set(names) == {path.name for path in tmp_path.iterdir()}
    assert sorted(path.name for path in (tmp_path / "anna_ply").iterdir()) == ["000004.ply", "000008.ply"]
    vertices = trimesh.load_mesh(tmp_path / "anna_ply" / "000008.ply", process=False).vertices
    np.testing.assert_allclose(vertices, np.asarray(motion[2].vertices()), atol=1e-5)


def test_an_export_that_cannot_be_written_is_told_and_the_others_are_there(tmp_path: Path):
    (tmp_path / "anna.glb").mkdir()  # in the way of the file
    complaints: list[str] = []
    motion = draw_motion(2)
    of_motion: dict[str, Any] = {"write": WriteOptions(bvh=True), "complain": complaints.append}
    names = write_world_person(tmp_path, "anna", motion, np.arange(2) / 25, 25.0, **of_motion)
    assert names == ("anna.npz", "anna_amass.npz", "anna.bvh")
    assert len(complaints) == 1
    assert "anna.glb" in complaints[0]


def test_a_run_goes_on_after_an_export_that_cannot_be_written(tmp_path: Path, monkeypatch, capsys):
    rows, fits = draw_fits(2)
    people = [
        PersonInput(name, Path("people.json"), row, row.keypoints, np.array([640.0, 480.0]))
        for name, row in zip(("anna", "bert"), rows, strict=True)
    ]
    monkeypatch.setattr("smplify_jax.cli.fit_command.read_inputs", lambda *_: FoundInputs(people))
    monkeypatch.setattr("smplify_jax.cli.fit_command.fit_people", lambda *_: zip(people, fits, strict=True))
    (tmp_path / "anna.bvh").mkdir()
    arguments = ["people.json", "--out", str(tmp_path), "--bvh", "--no-overlay", "--no-cache"]
    assert main(arguments) == 1
    assert "anna.bvh" in capsys.readouterr().err
    told = {one["name"]: one for one in json.loads((tmp_path / "summary.json").read_text())["people"]}
    assert told["bert"]["files"] == ["bert.npz", "bert.obj", "bert.bvh"]
    assert told["bert"]["unwritten"] == []
    assert told["anna"]["files"] == ["anna.npz", "anna.obj"]
    assert "anna.bvh" in told["anna"]["unwritten"][0]


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
