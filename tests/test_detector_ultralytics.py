"""The adapter to Ultralytics, with a module that stands in for it: the tests do not need a package under the AGPL."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from command_line import PICTURE

from smplify_jax import InputError
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.registry import get_detector
from smplify_jax.detectors.ultralytics import Ultralytics, make
from smplify_jax.files.images import load_image

PERSON = load_image(PICTURE)


class _Tensor:
    def __init__(self, values: object) -> None:
        self.values = np.array(values, np.float32)

    def cpu(self) -> _Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self.values


class _Yolo:
    """What the adapter uses of `ultralytics.YOLO`; it finds two people, and in a video they have ids."""

    people = np.tile(np.array([[[40.0, 50.0, 0.9]], [[80.0, 50.0, 0.9]]], np.float32), (1, 17, 1))
    ids: ClassVar[list[int] | None] = [7, 3]
    shown: ClassVar[list[np.ndarray]] = []

    def __init__(self, model: str, task: str) -> None:
        print("a warning of its own")
        if model == "broken.pt":
            raise FileNotFoundError("no such model")
        self.model, self.task = model, "detect" if model == "boxes.pt" else task

    def predict(self, image: np.ndarray, *, verbose: bool):
        if self.model == "folder":
            raise TypeError("not a supported model format")
        if image.max() > 0:  # not when it is tried out
            self.shown.append(image)
        keypoints = None if image.max() == 0 else SimpleNamespace(data=_Tensor(self.people))
        return [
            SimpleNamespace(
                keypoints=keypoints, boxes=SimpleNamespace(id=None, conf=_Tensor([0.9, 0.8][: len(self.people)]))
            )
        ]

    def track(self, image: np.ndarray, *, tracker: str, persist: bool, verbose: bool):
        assert persist
        assert tracker == "botsort.yaml"
        (found,) = self.predict(image, verbose=verbose)
        if self.ids is not None:
            found.boxes.id = _Tensor(self.ids)
        found.boxes.conf = _Tensor([0.2, 0.4])
        return [found]


@pytest.fixture
def ultralytics(monkeypatch):
    module = ModuleType("ultralytics")
    module.__spec__ = ModuleSpec("ultralytics", None)
    module.YOLO = _Yolo  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "ultralytics", module)
    monkeypatch.setattr(_Yolo, "shown", [])
    return get_detector("ultralytics")


def test_ultralytics_finds_everybody_and_gets_blue_first(ultralytics):
    image = np.zeros((100, 120, 3), np.uint8)
    image[..., 0] = 200
    found = ultralytics.detect(image)
    assert (len(found), found.layout, found.track_ids) == (2, "coco17", ("", ""))
    np.testing.assert_array_equal(found.keypoints[1, 0, :2], (80, 50))
    assert 0.7 < found.keypoints[0, 0, 2] < 1
    assert _Yolo.shown[0][0, 0].tolist() == [0, 0, 200]
    assert len(ultralytics.detect(np.zeros((100, 120, 3), np.uint8))) == 0


def test_ultralytics_points_at_the_origin_are_not_found(ultralytics, monkeypatch):
    people = _Yolo.people.copy()
    people[0, 4, :2] = 0
    monkeypatch.setattr(_Yolo, "people", people)
    found = ultralytics.detect(PERSON)
    assert (found.keypoints[0, :, 2] == 0).sum() == 1


def test_ultralytics_keeps_the_ids_of_its_tracker_and_counts_frames(ultralytics):
    sets = list(ultralytics.track(Frame(PERSON, float(k)) for k in range(2)))
    assert [one.track_ids for one in sets] == [("7", "3")] * 2
    assert [one.frames.tolist() for one in sets] == [[0, 0], [1, 1]]


def test_whom_no_track_of_ultralytics_has_is_there_if_they_would_be_in_a_picture(ultralytics, monkeypatch):
    monkeypatch.setattr(_Yolo, "ids", None)
    (found,) = ultralytics.track([Frame(PERSON, 0.0)])
    assert (len(found), found.track_ids) == (1, ("",))
    np.testing.assert_array_equal(found.keypoints[0, 0, :2], (80, 50))


def test_points_at_the_edge_are_observed_only_where_their_score_is_high(ultralytics, monkeypatch):
    people = np.tile(np.array([60.0, 50.0, 0.3], np.float32), (1, 17, 1))
    # Ultralytics moves points outside to the border: 120 px wide, the edge is 2.4 px.
    people[0, :4, :2] = [(0, 50), (118, 50), (60, 100), (60, 1)]
    people[0, 4] = 60, 100, 0.9
    monkeypatch.setattr(_Yolo, "people", people)
    confidence = ultralytics.detect(np.full((100, 120, 3), 9, np.uint8)).keypoints[0, :, 2]
    assert (confidence[:4] == 0).all()
    assert (confidence[4:] > 0.5).all()


def test_uncalibrated_ultralytics_gives_its_scores(ultralytics, monkeypatch):
    people = _Yolo.people.copy()
    people[0, :2] = (0, 50, 0.01), (0, 0, 0.5)
    monkeypatch.setattr(_Yolo, "people", people)
    found = Ultralytics(is_calibrated=False).detect(PERSON)
    np.testing.assert_allclose(found.keypoints[0, :3, 2], [0.01, 0, 0.9], rtol=1e-6)


def test_what_ultralytics_prints_is_not_among_our_results(ultralytics, capsys):
    capsys.readouterr()
    list(make().track([Frame(PERSON, 0.0)]))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "a warning of its own" in captured.err


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("broken.pt", r"broken\.pt of ultralytics cannot be read or downloaded \(no such model\)"),
        ("folder", r"folder of ultralytics cannot be read or downloaded \(not a supported model format\)"),
        ("boxes.pt", r"boxes\.pt of ultralytics is for the task detect: give one for poses"),
    ],
)
def test_a_model_that_ultralytics_cannot_use_is_one_sentence(ultralytics, model, words):
    with pytest.raises(InputError, match=words):
        get_detector("ultralytics", model)


def test_a_model_of_ultralytics_that_is_not_for_people_is_one_sentence(ultralytics, monkeypatch):
    monkeypatch.setattr(_Yolo, "people", np.ones((1, 24, 3), np.float32))
    with pytest.raises(InputError, match=r"points of shape .24, 3.: use one for people"):
        ultralytics.detect(PERSON)
