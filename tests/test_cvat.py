"""CVAT's XML: skeletons of images and of tracks, by name or number, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from dataset_files import SIZE, read_all
from keypoint_files import FIGURE, figure

from smplify_jax import InputError
from smplify_jax.keypoints.formats import cvat
from smplify_jax.keypoints.layouts import get_layout

NAMES = get_layout("coco17").keypoint_names


def point(label: str, name: str, *, outside: int = 0, occluded: int = 0) -> str:
    x, y = FIGURE[name]
    return f'<points label="{label}" outside="{outside}" occluded="{occluded}" points="{x:.2f},{y:.2f}"></points>'


def skeleton(points: Iterable[str], attributes: str = "") -> str:
    return f'<skeleton label="person" source="manual" {attributes}>{"".join(points)}</skeleton>\n'


PERSON = skeleton(point(name.replace("_", " ").title(), name) for name in reversed(NAMES))


def images(*skeletons: str) -> str:
    box = '<box label="car" xtl="1" ytl="2" xbr="3" ybr="4"></box><points label="a" points="1,2;3,4"></points>'
    return f'<image id="0" name="walk/1.jpg" width="640" height="480">{box}{"".join(skeletons)}</image>'


def video(*skeletons: str) -> str:
    return f'<track id="3" label="person">{"".join(skeletons)}</track>'


def write(path: Path, *parts: str, start: str = "") -> Path:
    size = "<original_size><width>640</width><height>480</height></original_size>"
    meta = f"<meta><task><id>1</id>{size}</task></meta>"
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{start}<annotations>{meta}{"".join(parts)}</annotations>')
    return path


def test_skeletons_of_pictures_are_placed_by_the_names_of_their_points(tmp_path):
    people, rejected = read_all(write(tmp_path / "a.xml", images(PERSON), images(), images(PERSON, PERSON)))
    assert not rejected
    assert len(people) == 3
    assert (people[0].layout, people[0].image, people[0].image_size) == ("coco17", "walk/1.jpg", SIZE)
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17", confidence=1))


def test_skeletons_of_a_video_have_a_frame_a_track_and_the_videos_size(tmp_path):
    points = [point(name, name) for name in NAMES]
    path = write(tmp_path / "a.xml", video(skeleton(points, 'frame="7"'), skeleton(points, 'frame="8"')))
    people, rejected = read_all(path)
    assert not rejected
    assert [(person.source_id, person.track_id) for person in people] == [("frame 7", "3"), ("frame 8", "3")]
    assert [person.frame for person in people] == [7, 8]
    assert (people[0].image, people[0].image_size) == ("", SIZE)


def test_numbers_in_place_of_names_are_an_order(tmp_path):
    points = [point(str(k + 1), name) for k, name in enumerate(NAMES)]
    people, _ = read_all(write(tmp_path / "a.xml", images(skeleton(reversed(points)))))
    np.testing.assert_array_equal(people[0].keypoints, figure("coco17", confidence=1))


def test_points_outside_are_not_found_and_occluded_ones_count_half(tmp_path):
    points = [point("left_wrist", "left_wrist", outside=1), point("right_wrist", "right_wrist", occluded=1)]
    points += [point(name, name) for name in ("nose", "left_knee", "right_knee")]
    outside = skeleton(point(name, name, outside=1) for name in NAMES)
    people, rejected = read_all(write(tmp_path / "a.xml", images(outside, skeleton(points))))
    assert not rejected
    (person,) = people
    confidence = dict(zip(NAMES, person.keypoints[:, 2].tolist(), strict=True))
    assert (confidence["left_wrist"], confidence["right_wrist"], confidence["left_knee"]) == (0, 0.5, 1)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (skeleton([point("nose", "nose").replace("320.00,", "")]), "expected x,y"),
        (skeleton([point("snout", "nose"), point("tail", "nose")]), "an animal's"),
        (skeleton([point("1", "nose"), point("2", "nose")]), "2 keypoints"),
        (skeleton([point("", "nose")]), "knows 0"),
    ],
)
def test_a_malformed_skeleton_is_rejected_alone(tmp_path, bad, words):
    people, rejected = read_all(write(tmp_path / "a.xml", images(bad, PERSON)))
    assert (len(people), [row.position for row in rejected]) == (1, ["skeletons[0]"])
    assert words in rejected[0].reason


def test_a_picture_of_no_size_is_rejected(tmp_path):
    path = write(tmp_path / "a.xml", images(PERSON).replace('width="640"', 'width="wide"'))
    _, rejected = read_all(path)
    assert "'wide'" in rejected[0].reason


def test_what_comes_before_the_end_of_a_cut_off_file_is_read(tmp_path):
    path = write(tmp_path / "a.xml", *[images(PERSON)] * 200)
    path.write_bytes(path.read_bytes()[:-500])
    people, rejected = read_all(path)
    assert len(people) in (198, 199)
    assert "cut-off XML" in rejected[0].reason


def test_entities_are_refused_before_any_is_expanded(tmp_path):
    lines = '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    with pytest.raises(InputError, match="document type"):
        read_all(write(tmp_path / "a.xml", "&b;", start=f"<!DOCTYPE annotations [{lines}]>"))


def test_other_xml_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text('<?xml version="1.0"?><annotation><object/></annotation>')
    with pytest.raises(InputError, match=r"XML of <annotation>; CVAT's begins with <annotations>"):
        read_all(tmp_path / "a.xml")


def test_a_tag_that_does_not_end_is_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(cvat, "_MAX_TAG_BYTES", 2**17)
    path = write(tmp_path / "a.xml", images(PERSON), '<image name="' + "x" * 2**19)
    people, rejected = read_all(path)
    assert len(people) == 1
    assert "does not end" in rejected[0].reason
