"""`load_keypoints`, `read_dataset` and both programs read the same formats, and continue after bad records."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import REPOSITORY
from dataset_files import alphapose, posetrack, read_all, write_samples
from keypoint_files import coco_results, figure, flat, write_json, write_npz, write_openpose
from PIL import Image

from smplify_jax import InputError, load_keypoints
from smplify_jax.cli.arguments import FIT, check_command
from smplify_jax.cli.dataset import DATASET, check_dataset_command
from smplify_jax.cli.inputs import read_inputs
from smplify_jax.cli.options import ReadOptions
from smplify_jax.cli.program import UsageError
from smplify_jax.keypoints.formats.registry import FORMAT_NAMES, FORMATS
from smplify_jax.keypoints.load import find_people
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.rows import RejectedRow

OPENPOSE = {"pose_keypoints_2d": flat(figure("openpose25"))}


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Path]:
    return write_samples(tmp_path_factory.mktemp("samples"))


def test_each_format_is_registered_under_its_own_name():
    assert {name: known.name for name, known in FORMATS.items()} == {name: name for name in FORMAT_NAMES}


@pytest.mark.parametrize("name", [*FORMAT_NAMES, "bvh"])
def test_both_programs_take_the_same_formats(name):
    refusals = []
    for program, check in ((FIT, check_command), (DATASET, check_dataset_command)):
        command = program.parse(["x", "--out", "o", "--format", name])
        try:
            check(command)  # pyright: ignore[reportArgumentType]
        except UsageError as error:
            refusals.append(str(error))
    assert len(refusals) == (2 if name == "bvh" else 0)
    assert len(set(refusals)) <= 1


@pytest.mark.parametrize("program", [FIT, DATASET], ids=lambda program: program.name)
def test_help_lists_every_format(program, capsys):
    with pytest.raises(SystemExit):
        program.parse(["--help"])
    words = re.split(r"[\s,;│]+", capsys.readouterr().out)
    assert set(FORMAT_NAMES) <= set(words)


@pytest.mark.parametrize("module", ["arguments", "dataset_options"])
def test_help_waits_for_neither_numpy_nor_jax(module):
    script = f"import sys, smplify_jax.cli.{module}; sys.exit(bool({{'numpy', 'jax'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False).returncode == 0


def test_what_one_reads_the_others_read(samples):
    for path in samples:
        people, _ = read_all(path)
        found = load_keypoints(path)
        fitted = read_inputs([path], ReadOptions()).people
        assert len(found) == len(people) == len(fitted) > 0, path
        for row, keypoints, person in zip(people, found.keypoints, fitted, strict=True):
            np.testing.assert_array_equal(keypoints, row.keypoints)
            np.testing.assert_array_equal(person.keypoints, row.keypoints)
            assert row.layout == found.layout == person.layout


def test_names_are_unique_and_safe_in_every_format(samples):
    for path in samples:
        names = find_people(path).names
        assert names == unique_names(names)
        assert all(name.strip("_") for name in names)


def test_parquet_is_read_by_load_keypoints(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "keypoints": [flat(figure("coco17")), flat(figure("coco17", 5))],
        "layout": ["coco17"] * 2,
        "id": ["anna", None],
        "image": ["walk/7.jpg"] * 2,
        "image_width": [640, None],
        "image_height": [480, None],
        "focal_length": [900.0, None],
        "camera_center": [[320.0, 240.0], None],
        "box": [[1.0, 2.0, 30.0, 40.0], None],
        "track_id": [4, None],
    }
    parquet.write_table(pa.table(columns), tmp_path / "people.parquet")
    people = load_keypoints(tmp_path / "people.parquet")
    assert people.names == ("7_anna", "7_1")
    assert people.image_names == ("7.jpg", "7.jpg")
    np.testing.assert_array_equal(people.image_size, [[640, 480], [np.nan, np.nan]])
    np.testing.assert_array_equal(people.focal_length, [900, np.nan])
    np.testing.assert_array_equal(people.camera_center, [[320, 240], [np.nan, np.nan]])
    np.testing.assert_array_equal(people.boxes, [[1, 2, 30, 40], [np.nan] * 4])
    assert people.track_ids == ("4", "")
    assert people.source_ids == ("anna", "")


def test_tracks_and_boxes_of_detectors_are_kept(tmp_path):
    tracked = [
        person | {"idx": [float(k)]} for k, person in enumerate(alphapose(figure("coco17"), figure("coco17", 9)))
    ]
    people = load_keypoints(write_json(tmp_path / "alphapose.json", tracked))
    assert people.track_ids == ("0", "1")
    np.testing.assert_array_equal(people.boxes[1], [255, 94, 130, 316])
    people = load_keypoints(write_json(tmp_path / "posetrack.json", posetrack(figure("openpose25b"))))
    assert people.track_ids == ("0",)
    assert people.source_ids == ("1000000",)


def test_a_canvas_is_the_size_of_the_picture(tmp_path):
    value = {"people": [OPENPOSE], "canvas_width": 640, "canvas_height": 480}
    people = load_keypoints(write_json(tmp_path / "pose.json", value))
    np.testing.assert_array_equal(people.image_size, [[640, 480]])


# One bad person or file stops nobody else.


@pytest.fixture
def mixed(tmp_path) -> Path:
    """A folder of frames: two good people around a bad and an empty one, a cut-off file, a damaged one, another layout, something else."""
    people = [OPENPOSE, {"pose_keypoints_2d": [1.0, 2.0]}, {}, OPENPOSE]
    folder = tmp_path / "frames"
    (folder / "sub").mkdir(parents=True)
    write_json(folder / "a_keypoints.json", {"people": people})
    (folder / "b_keypoints.json").write_text(json.dumps({"people": [OPENPOSE, OPENPOSE]})[:-40])
    (folder / "c.npz").write_bytes(b"PK\x03\x04 no archive")
    write_json(folder / "settings.json", {"threshold": 0.5})
    write_openpose(folder / "sub" / "d_keypoints.json", figure("openpose25", 7))
    return folder


REJECTED = [
    ("a_keypoints.json", "people[1]", "2 numbers"),
    ("a_keypoints.json", "people[2]", "no keypoints"),
    ("b_keypoints.json", "people[1]", "cut-off JSON"),
    ("c.npz", "", "cut-off .npz"),
]


def assert_rejected(rows: list[RejectedRow]) -> None:
    assert [(row.file, row.position) for row in rows] == [(file, position) for file, position, _ in REJECTED]
    for row, (file, _, words) in zip(rows, REJECTED, strict=True):
        assert words in row.reason
        assert file in row.sentence
        assert "\n" not in row.sentence


def test_load_keypoints_keeps_the_good_ones_and_warns_once(mixed):
    with pytest.warns(UserWarning, match="4 records cannot be used") as told:
        people = load_keypoints(mixed)
    assert len(told) == 1
    assert told[0].filename == __file__  # the caller's line, not the library's
    assert people.names == ("a_0", "a_3", "b_0", "d_0")
    assert_rejected(list(people.rejected))


def test_both_programs_find_the_same_people_and_the_same_rejections(mixed):
    people, rejected = read_all(mixed)
    found = read_inputs([mixed], ReadOptions())
    assert [person.name for person in found.people] == ["a_0", "a_3", "b_0", "d_0"]
    assert [person.row.id for person in found.people] == [row.id for row in people]
    assert [one.row for one in found.rejected] == rejected
    assert_rejected(rejected)
    assert [one.row.file for one in found.passed] == ["settings.json"]
    assert not found.unread


def test_a_frame_of_another_layout_stops_nobody_in_the_programs(mixed):
    write_json(mixed / "e.json", coco_results(figure("coco17")))
    layouts = [person.layout for person in read_inputs([mixed], ReadOptions()).people]
    assert layouts == ["openpose25"] * 3 + ["coco17", "openpose25"]
    with pytest.raises(InputError, match=r"mixes layouts: openpose25 in 'a_keypoints\.json', coco17 in 'e\.json'"):
        load_keypoints(mixed)


def test_if_nobody_is_left_load_keypoints_says_why(tmp_path):
    path = write_json(tmp_path / "a_keypoints.json", {"people": [{}, {"pose_keypoints_2d": [1.0]}]})
    with pytest.raises(InputError, match=r"no people found .* that can be used: .*people\[0\].* \(and 1 more\)"):
        load_keypoints(path)


@pytest.mark.parametrize("bad", [{}, None, [1], {"image_id": 7}, "text"])
def test_a_bad_first_record_does_not_hide_the_format(tmp_path, bad):
    path = write_json(tmp_path / "results.json", [bad, *coco_results(figure("coco17"))])
    with pytest.warns(UserWarning, match="1 record cannot be used"):
        people = load_keypoints(path)
    assert people.names == ("000000000007_1",)


def test_what_smplify_fit_wrote_is_passed_over(mixed):
    results = mixed / "fits"
    results.mkdir()
    write_json(
        results / "summary.json", {"program": "smplify-fit", "version": "1", "profile": "default", "people": [{}]}
    )
    arrays = dict.fromkeys(("global_orient", "transl", "cost"), np.zeros(3))
    write_npz(results / "a_0.npz", keypoints=figure("openpose25"), layout="openpose25", **arrays)
    found = find_people(mixed)
    assert [row.file for row in found.passed] == ["fits/a_0.npz", "fits/summary.json", "settings.json"]
    assert_rejected(list(found.rejected))


def test_smplify_fit_names_what_it_cannot_use_and_exits_with_1(mixed, tmp_path, capsys):
    from smplify_jax.cli.fit import main

    out = tmp_path / "fits"
    plain = ["--no-obj", "--no-overlay", "--no-cache", "--num-starts", "1"]
    assert main([str(mixed), "--out", str(out), "--image-size", "640", "480", *plain]) == 1
    told = capsys.readouterr().err
    for file, position, words in REJECTED:
        assert any(file in line and position in line and words in line for line in told.splitlines())
    assert "passed over 'settings.json'" in told
    summary = json.loads((out / "summary.json").read_text())
    assert [person["name"] for person in summary["people"]] == ["a_0", "a_3", "b_0", "d_0"]
    assert (summary["num_rejected"], summary["num_passed_over"]) == (4, 1)
    assert [(row["file"], row["position"]) for row in summary["rejected"]] == [row[:2] for row in REJECTED]


# What the file knows of the camera is used; options stand above it.


@pytest.fixture
def with_camera(tmp_path) -> Path:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "keypoints": [flat(figure("coco17"))],
        "layout": ["coco17"],
        "image_width": [640],
        "image_height": [480],
        "focal_length": [900.0],
        "camera_center": [[310.0, 250.0]],
    }
    parquet.write_table(pa.table(columns), tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


@pytest.mark.parametrize(
    ("options", "focal_length", "center"),
    [
        ([], 900, (310, 250)),
        (["--focal-length", "700"], 700, (310, 250)),
        (["--camera-center", "320", "240"], 900, (320, 240)),
    ],
)
def test_smplify_fit_takes_the_files_camera_unless_it_is_told_another(
    with_camera, options, focal_length, center, tmp_path
):
    from smplify_jax.cli.fit import main

    plain = ["--no-obj", "--no-overlay", "--no-cache", "--num-starts", "1"]
    assert main([str(with_camera), "--out", str(tmp_path / "fits"), *options, *plain]) == 0
    (person,) = json.loads((tmp_path / "fits" / "summary.json").read_text())["people"]
    assert person["focal_length_px"] == [focal_length] * 2
    assert tuple(person["camera_center_px"]) == center


def test_sizes_come_from_the_file_then_the_picture_then_the_option(tmp_path):
    Image.new("RGB", (320, 200)).save(tmp_path / "photo.png")
    write_json(tmp_path / "photo_keypoints.json", {"people": [OPENPOSE]})
    write_json(tmp_path / "canvas.json", {"people": [OPENPOSE], "canvas_width": 640, "canvas_height": 480})
    write_json(tmp_path / "other_keypoints.json", {"people": [OPENPOSE]})
    paths = [tmp_path / name for name in ("photo_keypoints.json", "canvas.json", "other_keypoints.json")]
    people = read_inputs(paths, ReadOptions(image=tmp_path, image_size=(64, 48))).people
    assert [person.image_size.tolist() for person in people] == [[320, 200], [640, 480], [64, 48]]


def test_fractions_are_multiplied_by_the_size_of_the_one_picture(tmp_path):
    Image.new("RGB", (320, 200)).save(tmp_path / "a.png")
    landmarks = [{"x": 0.5, "y": 0.1 + 0.02 * k, "visibility": 0.9} for k in range(33)]
    path = write_json(tmp_path / "a.json", {"pose_landmarks": [landmarks]})
    (person,) = read_inputs([path], ReadOptions(image=tmp_path / "a.png")).people
    assert person.keypoints[0, 0] == pytest.approx(160)
    assert person.image_size.tolist() == [320, 200]
