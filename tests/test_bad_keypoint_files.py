"""Keypoint files of which nothing can be used: each gives one InputError that names the file and says what is wrong."""

from __future__ import annotations

import contextlib
import json
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keypoint_files import coco_annotations, coco_results, figure, write_json, write_npz, write_openpose

from smplify_jax.errors import InputError
from smplify_jax.keypoints.load import load_keypoints

SAMPLES = Path(__file__).parent / "data" / "keypoints"
COCO = figure("coco17")


def assert_refused(path: Path, *words: str, format: str | None = None, layout: str | None = None) -> None:
    """Reading raises one sentence that names the file and has these words in it."""
    with pytest.raises(InputError) as raised:
        load_keypoints(path, format, layout=layout)
    message = str(raised.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message


def test_a_missing_path_is_refused(tmp_path):
    assert_refused(tmp_path / "nowhere.json", "no file or folder")


def test_an_unknown_format_or_layout_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="'bvh'; use one of openpose, "):
        load_keypoints(SAMPLES / "people.npz", "bvh")
    with pytest.raises(InputError, match=r"'coco'; use one of lsp14, coco17"):
        load_keypoints(SAMPLES / "people.npz", layout="coco")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    assert_refused(tmp_path, "no keypoint file", "openpose", "coco", "npz", "lsp")


def test_a_folder_of_other_json_is_refused(tmp_path):
    write_json(tmp_path / "box.json", {"bbox": [1, 2, 3, 4]})
    assert_refused(tmp_path, "no keypoint file among its 1")


def test_a_folder_of_damaged_files_is_refused_with_the_first_and_the_number_of_others(tmp_path):
    (tmp_path / "a_keypoints.json").write_text('{"people": [')
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 no archive")
    assert_refused(tmp_path, "'a_keypoints.json', people[0]: damaged or cut-off JSON", "(and 1 more)")


def test_a_folder_of_two_layouts_is_refused(tmp_path):
    write_openpose(tmp_path / "a_keypoints.json", figure("openpose25"))
    write_json(tmp_path / "b.json", coco_results(COCO))
    assert_refused(tmp_path, "openpose25 in 'a_keypoints.json'", "coco17 in 'b.json'")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xff\xd8\xff\xe0 a picture", "a JPEG picture, not a file of keypoints"),
        (b"x,y,confidence\n1,2,1\n", "a text file, which is no known keypoint format"),
        (b'{"people": [{"pose_keypoints_2d": [1, 2', "cut-off JSON"),
        (b"[" * 100_000, "cut-off JSON"),
        (b'[{"keypoints": [' + b"9" * 5000 + b"]}]", "1 numbers"),
        (b"\xff\xfe{\x00", "neither JSON, .npz, tar nor Parquet"),
        (b"PK\x03\x04 no archive", "cut-off .npz"),
        (b"42", "a single JSON value"),
        (b'"text"', "a single JSON value"),
        (b"null", "a single JSON value"),
        (b"{}", "a JSON object without keys"),
        (b"[1, 2]", "a JSON list without keys"),
        (b'{"boxes": []}', "keys boxes"),
        (b'{"two\\nlines": 1}', "keys two?lines"),
        (b'[{"bbox": []}]', "keys bbox"),
    ],
)
def test_a_file_of_something_else_is_refused_with_what_it_is(tmp_path, content, word):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert_refused(path, word)


def test_a_single_array_file_is_refused_with_advice(tmp_path):
    np.save(tmp_path / "a.npy", COCO)
    assert_refused(tmp_path / "a.npy", "numpy.savez")


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ({"people": []}, "no people found"),
        ({"people": None}, "'people' is no list"),
        ({"people": [1]}, "people[0]: the person is of type int"),
        ({"people": [{"face_keypoints_2d": []}]}, "people[0]: the person has no keypoints"),
        ({"people": [{"pose_keypoints_2d": []}, {}]}, "the person has no keypoints"),
        ({"people": [{"pose_keypoints_2d": [1.0] * 76}]}, "76 numbers"),
        (
            {"people": [{"pose_keypoints_2d": [9.0] * 57}]},
            "19 keypoints; known counts are 25 (openpose25), 18 (openpose18)",
        ),
        ({"people": [{"pose_keypoints_2d": [0.0] * 75}]}, "no people found"),
        ({"people": [{"pose_keypoints_2d": ["1"] * 75}]}, "holds '1'"),
        ({"people": [{"pose_keypoints_2d": [True] * 75}]}, "holds True"),
        ({"people": [{"pose_keypoints_2d": [[1, "2", 3]] * 25}]}, "numbers"),
        ({"people": [{"pose_keypoints_2d": "1 2 3"}]}, "type str"),
        ({"people": [{"pose_keypoints_2d": [10**400] * 75}]}, "300 digits"),
        ({"people": [{"pose_keypoints_2d": [0.1, 0.2, 0.9] * 25}]}, "fractions of the picture"),
        ({"people": [{"pose_keypoints_2d": [99.0] * 75}, {"pose_keypoints_2d": [99.0] * 54}]}, "mixes the layouts"),
    ],
)
def test_malformed_openpose_json_is_refused(tmp_path, value, word):
    assert_refused(write_json(tmp_path / "a_keypoints.json", value), word)


def annotations_with(**changes: object) -> dict:
    """An annotation file of one person, with entries of its annotation changed."""
    value = coco_annotations(figure("coco17", confidence=2))
    value["annotations"][0].update(changes)
    return value


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ([], "no people found"),
        ({"annotations": []}, "no people found"),
        ({"annotations": None}, "'annotations' is no list"),
        ({"annotations": [3]}, "annotations[0]: the annotation is of type int"),
        ({"annotations": [{"bbox": [1, 2, 3, 4]}]}, "no people found"),
        (coco_annotations(np.zeros((17, 3))), "no people found"),
        (annotations_with(keypoints=[1, 1, 2] * 14), "14 keypoints, and the file names 17"),
        (annotations_with(keypoints=[1, 1]), "annotations[0]: the annotation has 2 numbers"),
        (annotations_with(keypoints={"nose": [1, 1, 2]}), "type dict"),
        (annotations_with(foot_kpts=[1, 1, 2]), "1 keypoints of the feet"),
        (annotations_with() | {"images": [{"id": 7, "width": 0, "height": 480}]}, "width 0"),
        (annotations_with() | {"images": [{"id": 7, "width": "640", "height": 480}]}, "width '640'"),
        (annotations_with() | {"images": [{"id": 7, "width": float("nan"), "height": 480}]}, "width nan"),
        (
            annotations_with() | {"categories": [{"id": 1, "keypoints": ["nose", "head_bottom", "head_top"]}]},
            "'head_bottom' where layout coco17 has 'left_eye'",
        ),
        ([{"keypoints": [1, 1, 1] * 14}], "[0]: the result has 14 keypoints"),
        ([{"keypoints": [50, 70, 0] * 17}, {"bbox": []}], "no keypoint has finite coordinates"),
        ([{"keypoints": [[50, "70"]] * 17}], "numbers"),
        ([{"keypoints": [50, 70, 1] * 17}, {"keypoints": [50, 70, 1] * 26}], "mixes the layouts"),
    ],
)
def test_malformed_coco_json_is_refused(tmp_path, value, word):
    assert_refused(write_json(tmp_path / "a.json", value), word)


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({"keypoints": COCO}, "which layout"),
        ({"keypoints": COCO, "layout": "nonsense"}, "'nonsense'"),
        ({"keypoints": COCO, "layout": "lsp14"}, "17 keypoints, but layout lsp14 has 14"),
        ({"keypoints": COCO, "layout": 17}, "layout must be one name"),
        ({"keypoints": COCO, "layout": ["coco17", "coco17"]}, "layout must be one name"),
        ({"keypoints": COCO, "layout": b"\xff\xfe"}, "not UTF-8"),
        ({"keypoints": COCO[:, :2], "layout": "coco17"}, "(17, 2)"),
        ({"keypoints": COCO.astype(str), "layout": "coco17"}, "expected numbers"),
        ({"keypoints": COCO.astype(complex), "layout": "coco17"}, "expected numbers"),
        ({"keypoints": COCO[0], "layout": "coco17"}, "shape (3,)"),
        ({"keypoints": COCO[None][:0], "layout": "coco17"}, "no people found"),
        ({"keypoints": np.full((17, 3), np.nan), "layout": "coco17"}, "no people found"),
        ({"keypoints": COCO / 640, "layout": "coco17"}, "fractions of the picture"),
        ({"keypoints": COCO, "layout": "coco17", "image_size": 640}, "image_size has shape ()"),
        ({"keypoints": COCO, "layout": "coco17", "image_size": (640, 480, 3)}, "image_size has shape (3,)"),
        ({"keypoints": COCO, "layout": "coco17", "image_size": (640, np.nan)}, "image_size must hold"),
        ({"keypoints": COCO, "layout": "coco17", "image_size": (640, -480)}, "image_size must hold"),
        ({"keypoints": COCO, "layout": "coco17", "image_size": (1e300, 480)}, "image_size must hold"),
        ({"keypoints": COCO, "layout": "coco17", "names": ["anna", "ben"]}, "names has shape (2,)"),
        ({"keypoints": COCO, "layout": "coco17", "names": [3]}, "one text for each"),
        ({"pose": np.zeros((5, 15)), "betas": np.zeros(10)}, "pose (5, 15), betas (10,)"),
        ({}, "without arrays"),
    ],
)
def test_malformed_npz_is_refused(tmp_path, arrays, word):
    assert_refused(write_npz(tmp_path / "a.npz", **arrays), word)


def test_a_format_that_the_file_does_not_have_is_refused(tmp_path):
    assert_refused(SAMPLES / "people.npz", "the arrays keypoints", "not of the format", "COCO's JSON", format="coco")
    assert_refused(SAMPLES / "people.npz", "not of the format", "LSP/DeepCut", format="lsp")
    assert_refused(SAMPLES / "coco_results.json", "a JSON list", "not of the format", "our .npz", format="npz")
    assert_refused(SAMPLES / "coco_results.json", "not of the format", "OpenPose's JSON", format="openpose")
    assert_refused(SAMPLES / "deepcut.npz", "not of the format", "our .npz", format="npz")


def test_a_named_layout_of_another_count_is_refused():
    assert_refused(SAMPLES / "coco_results.json", "17 keypoints, but layout openpose25 has 25", layout="openpose25")
    assert_refused(SAMPLES / "deepcut.npz", "14 keypoints, but layout coco17 has 17", layout="coco17")


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickles_are_never_loaded(tmp_path):
    proof = tmp_path / "was_executed"
    harmful = np.array([Harmful(proof)], dtype=object)
    for name, arrays in {
        "keypoints.npz": {"keypoints": harmful, "layout": "coco17"},
        "layout.npz": {"keypoints": COCO, "layout": harmful},
        "pose.npz": {"pose": harmful},
    }.items():
        assert_refused(write_npz(tmp_path / name, **arrays))
    with zipfile.ZipFile(tmp_path / "raw.npz", "w") as archive:
        archive.writestr("keypoints", pickle.dumps(Harmful(proof)))
    assert_refused(tmp_path / "raw.npz", "lacks the array")
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(Harmful(proof)))
    assert_refused(tmp_path / "bare.npz", "neither JSON, .npz")
    assert not proof.exists()


def test_an_object_array_beside_the_keypoints_does_no_harm(tmp_path):
    path = write_npz(tmp_path / "a.npz", keypoints=COCO, layout="coco17", notes=np.array([{"a": 1}], dtype=object))
    np.testing.assert_array_equal(load_keypoints(path).keypoints[0], COCO)


ALL_SAMPLES = [path for path in sorted(SAMPLES.rglob("*")) if path.is_file()]


def assert_read_or_refused(folder: Path, data: bytes) -> None:
    path = folder / "damaged"
    path.write_bytes(data)
    with contextlib.suppress(InputError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what comes before the damage somebody may be left
        assert np.isfinite(load_keypoints(path).keypoints).all()


@given(sample=st.sampled_from(ALL_SAMPLES), share=st.floats(0, 1))
def test_a_truncated_file_is_read_or_refused(tmp_path_factory, sample, share):
    data = sample.read_bytes()
    assert_read_or_refused(tmp_path_factory.mktemp("cut"), data[: int(share * len(data))])


@given(sample=st.sampled_from(ALL_SAMPLES), place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_file_with_a_changed_byte_is_read_or_refused(tmp_path_factory, sample, place, value):
    data = bytearray(sample.read_bytes())
    data[int(place * len(data))] = value
    assert_read_or_refused(tmp_path_factory.mktemp("changed"), bytes(data))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["people", "pose_keypoints_2d", "annotations", "images", "categories", "id", "keypoints"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=json_values)
def test_json_with_the_right_words_in_the_wrong_places_is_refused(tmp_path_factory, value):
    assert_read_or_refused(tmp_path_factory.mktemp("json"), json.dumps(value).encode())
