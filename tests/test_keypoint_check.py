"""`--check`, and the picture that it writes: which body point each keypoint is taken for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import DETECTIONS, PICTURE, one_sentence

from smplify_jax.cli.fit import main
from smplify_jax.errors import InputError
from smplify_jax.files.images import load_image
from smplify_jax.pictures.keypoint_check import draw_keypoints
from smplify_jax.pictures.overlay import LEFT_COLOR, RIGHT_COLOR

LEFT_WRIST, RIGHT_WRIST = 9, 10


def person() -> np.ndarray:
    """Somebody of coco17, of whom both wrists were seen, 300 px apart."""
    keypoints = np.zeros((17, 3))
    keypoints[[LEFT_WRIST, RIGHT_WRIST]] = [[450.0, 200.0, 1.0], [150.0, 200.0, 1.0]]
    return keypoints


def test_sides_have_two_colors_at_their_places():
    picture = draw_keypoints(person(), "coco17")
    # 45 px of margin around 300 px become 900 px.
    scale = 900 / 390
    left, right = round(345 * scale), round(45 * scale)
    row = round(45 * scale)
    assert tuple(picture[row, left]) == LEFT_COLOR
    assert tuple(picture[row, right]) == RIGHT_COLOR


def test_the_picture_is_that_of_the_person_magnified():
    image = np.zeros((400, 600, 3), np.uint8)
    image[:, 300:] = (200, 0, 0)
    picture = draw_keypoints(person(), "coco17", image)
    assert tuple(picture[40, 100]) == (0, 0, 0)
    assert tuple(picture[40, 800]) == (200, 0, 0)
    assert picture.shape[1] == 900 + 300  # and the list


def test_an_unobserved_keypoint_is_grey_in_the_list():
    alone, both = person(), person()
    alone[RIGHT_WRIST] = 0

    def has_orange(keypoints):
        return bool((draw_keypoints(keypoints, "coco17")[:, -300:] == RIGHT_COLOR).all(axis=-1).any())

    assert has_orange(both)
    assert not has_orange(alone)


def test_keypoints_far_outside_of_the_picture_are_drawn_on_plain_ground():
    far = person()
    far[RIGHT_WRIST, :2] = (-1e7, 3e6)
    picture = draw_keypoints(far, "coco17", np.zeros((400, 600, 3), np.uint8))
    assert picture.shape[1] == 900 + 300
    assert tuple(picture[5, 5]) == (226, 229, 235)


def test_another_number_of_keypoints_is_refused():
    with pytest.raises(InputError, match=r"shape \(17, 3\), and layout openpose25 has 25"):
        draw_keypoints(person(), "openpose25")


def test_what_is_no_picture_is_refused():
    with pytest.raises(InputError, match=r"shape \(400, 600\) and type uint8: give an array \(H, W, 3\)"):
        draw_keypoints(person(), "coco17", np.zeros((400, 600), np.uint8))


def test_the_command_draws_and_fits_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(DETECTIONS), "--image", str(PICTURE), "--check", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["example_0_check.png"]
    assert "layout openpose25, 24 of 25 keypoints observed: example_0_check.png" in capsys.readouterr().out
    assert load_image(tmp_path / "example_0_check.png").shape[1] > 300


def test_what_is_not_drawn_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["--points", "x.trc", "--check", "--out", "o"]) == 2
    assert "--check draws pictures and keypoint files" in one_sentence(capsys.readouterr().err)
