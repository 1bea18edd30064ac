"""The page of a run: who shares a scene, and what is left out when there is too much."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
from dataset_fits import draw_fits
from pages import data_of, draw_reports

from smplify_jax.camera.pinhole import Camera
from smplify_jax.cli import report_page
from smplify_jax.cli.options import FitCommand, WriteOptions
from smplify_jax.cli.report_page import WorldPerson, check_report_path, write_people_page, write_world_page
from smplify_jax.errors import InputError


@pytest.fixture
def command(tmp_path):
    return FitCommand((tmp_path / "a.json", tmp_path / "b.json"), write=WriteOptions(report=tmp_path / "report.html"))


@pytest.fixture(scope="module")
def reports():
    return draw_reports()


def test_people_of_one_picture_share_a_scene(command, reports):
    write_people_page(command, reports)
    data = data_of(command.write.report)
    assert [scene["name"] for scene in data["scenes"]] == [f"street {k}.png" for k in range(3)]
    assert [[person["name"] for person in scene["people"]] for scene in data["scenes"]] == [
        ["p0", "p1"],
        ["p2", "p3"],
        ["p4", "p5"],
    ]
    assert "Left out: its quality is below --min-quality 1 or not known." in data["scenes"][0]["people"][1]["warnings"]
    assert len(data["meshes"]) == 1
    assert data["notes"] == []
    assert "Fits of a.json and 1 more" in command.write.report.read_text()


def test_people_of_one_picture_with_different_cameras_do_not_share_a_scene(command, reports):
    first, other, third, fourth = reports[:4]
    camera = Camera(2 * np.asarray(other.fitted.camera.focal_length), other.fitted.camera.camera_center)
    other = replace(other, fitted=replace(other.fitted, camera=camera))
    unknown = Camera(np.full(2, np.nan), np.full(2, np.nan))
    fourth = replace(fourth, fitted=replace(fourth.fitted, camera=unknown))
    write_people_page(command, [first, other, third, fourth])
    scenes = data_of(command.write.report)["scenes"]
    assert [[person["name"] for person in scene["people"]] for scene in scenes] == [["p0"], ["p1"], ["p2", "p3"]]
    assert scenes[1]["cameras"][0]["focal"] == [1600, 1600]


def test_a_folder_that_may_not_be_written_to_is_told_before_the_fits(tmp_path, monkeypatch):
    # Tests may run as root, who may write everywhere.
    monkeypatch.setattr("smplify_jax.cli.report_page.os.access", lambda *_: False)
    with pytest.raises(InputError, match="not permitted: choose another folder for --report"):
        check_report_path(tmp_path / "report.html")


def test_too_many_people_are_cut_off_with_a_sentence(command, reports, monkeypatch):
    monkeypatch.setattr(report_page, "MAX_BODIES", 3)
    write_people_page(command, reports)
    data = data_of(command.write.report)
    assert [len(scene["people"]) for scene in data["scenes"]] == [2, 1]
    assert data["notes"] == ["This page shows 3 of 6 people; the files beside it have all of them."]


def test_too_many_frames_are_thinned_out_with_a_sentence(command, monkeypatch):
    monkeypatch.setattr(report_page, "MAX_FRAMES", 3)
    result = jax.tree.map(np.array, draw_fits(8)[1])
    result.betas[:] = result.betas[0]
    write_world_page(command, [WorldPerson("one", result, np.arange(10, 18), np.arange(8) / 4)], [])
    data = data_of(command.write.report)
    (scene,) = data["scenes"]
    assert scene["frame_names"] == ["frame 10", "frame 13", "frame 16"]
    assert scene["times"] == [0.0, 0.75, 1.5]
    assert data["notes"] == ["This page shows every 3rd frame; the files beside it have all of them."]
