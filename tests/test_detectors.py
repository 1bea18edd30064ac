"""Detectors: who is chosen, what they give, and how sure they say they are."""

from __future__ import annotations

import configparser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import PICTURE, REPOSITORY
from stand_in_detector import EXAMPLE, StandIn, install

from smplify_jax import InputError, detect
from smplify_jax.cli.example import load_example_truth
from smplify_jax.detectors.confidence import MEDIAPIPE, RTMPOSE, YOLO, Calibration, CalibrationByPlace
from smplify_jax.detectors.detector import Frame
from smplify_jax.detectors.people import people_of
from smplify_jax.detectors.registry import DETECTORS, DetectorEntry, check_detector, get_detector
from smplify_jax.files.images import check_image, load_image
from smplify_jax.keypoints.layouts import get_layout

PERSON = load_image(PICTURE)
NOBODY = np.full((200, 300, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def mediapipe():
    pytest.importorskip("mediapipe", reason="needs the extra `detect`")
    return get_detector("mediapipe")


@pytest.fixture
def rtmlib(tmp_path: Path):
    """rtmlib with two small models that find the same two people in every picture."""
    pytest.importorskip("rtmlib", reason="needs the extra `rtmlib`")
    onnx = pytest.importorskip("onnx", reason="the test writes its models with onnx")
    from smplify_jax.detectors.rtmlib import RtmModels, make

    boxes = np.array([[[64, 64, 192, 320, 0.9], [320, 64, 448, 320, 0.8]]])
    across, down = np.zeros((1, 26, 2 * 192)), np.zeros((1, 26, 2 * 256))
    for k in range(26):
        across[0, k, 40 + 10 * k] = down[0, k, 60 + 15 * k] = 0.9 if k else 0.2
    _save_constant_model(onnx, tmp_path / "people.onnx", (1, 3, 640, 640), {"dets": boxes})
    _save_constant_model(onnx, tmp_path / "pose.onnx", (1, 3, 256, 192), {"x": across, "y": down})
    return make(RtmModels(tmp_path / "people.onnx", tmp_path / "pose.onnx"))


def _save_constant_model(onnx, path: Path, shape: tuple[int, ...], outputs: dict[str, np.ndarray]) -> None:
    """A model with these outputs, whatever its input is."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceSum", ["input"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "0"], ["z"]),
    ]
    values = {"0": np.float32(0), **{f"{name}_values": value.astype(np.float32) for name, value in outputs.items()}}
    nodes += [helper.make_node("Add", [f"{name}_values", "z"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("input", floats, shape)],
        [helper.make_tensor_value_info(name, floats, value.shape) for name, value in outputs.items()],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))


def test_without_any_detector_the_message_says_how_to_install_one(monkeypatch):
    install(monkeypatch, None)
    with pytest.raises(InputError, match="pip install mediapipe"):
        get_detector()


def test_a_detector_that_is_not_installed_says_how_to_install_it(monkeypatch):
    install(monkeypatch, StandIn())
    with pytest.raises(InputError, match="rtmlib is not installed: pip install rtmlib"):
        get_detector("rtmlib")


def test_a_detector_that_cannot_be_imported_is_one_sentence(monkeypatch):
    monkeypatch.setitem(
        DETECTORS, "mediapipe", DetectorEntry("smplify_jax.no_such_adapter", ("numpy",), "pip install it")
    )
    with pytest.raises(InputError, match="mediapipe is installed but cannot be imported"):
        get_detector("mediapipe")


def test_an_unknown_detector_is_told_the_known_ones():
    with pytest.raises(InputError, match="no detector 'yolo': use one of mediapipe, rtmlib, ultralytics"):
        get_detector("yolo")


def test_the_default_is_the_one_that_is_installed(monkeypatch):
    installed = StandIn()
    install(monkeypatch, installed)
    assert get_detector() is installed


def test_install_lines_name_extras_that_exist():
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg")
    for name, entry in DETECTORS.items():
        if name == "ultralytics":  # whose licence is to be chosen, not to come along
            assert not any("ultralytics" in packages for packages in settings["options.extras_require"].values())
            continue
        extra = entry.install.partition("[")[2].partition("]")[0]
        assert entry.packages[0] in settings["options.extras_require"][extra]


@pytest.mark.parametrize("calibration", [MEDIAPIPE.inside, MEDIAPIPE.outside, RTMPOSE, YOLO.inside, YOLO.outside])
def test_a_higher_score_is_never_a_lower_confidence(calibration: Calibration):
    confidence = calibration.confidence(np.linspace(0, 1, 101))
    assert (np.diff(confidence) >= 0).all()
    assert 0.2 <= confidence[confidence > 0].min() <= confidence.max() <= 1
    np.testing.assert_array_equal(calibration.confidence(np.array([np.nan, -1.0])), 0)


def test_errors_beyond_the_largest_are_guesses():
    calibration = Calibration(scores=(0.0, 1.0), errors=(8.0, 1.0), usual_error=1.0, max_error=4.0)
    is_used = calibration.confidence(np.array([0.0, 0.2, 0.5, 1.0])) > 0
    assert is_used.tolist() == [False, False, True, True]


def test_mediapipes_points_outside_the_picture_are_trusted_less_and_its_guesses_there_not_at_all():
    rows = np.array([[[50, 50, 0.05], [50, 50, 0.9], [50, -1, 0.05], [101, 50, 0.3], [50, 201, 0.9]]])
    found = MEDIAPIPE.with_confidences(rows, (100, 200))
    np.testing.assert_array_equal(found[..., :2], rows[..., :2])
    hidden, seen, *outside, likely = found[0, :, 2]
    assert outside == [0, 0]
    assert 0.2 <= hidden < 0.5 < seen
    assert 0.2 <= likely < seen


def test_points_at_the_edge_of_a_picture_are_not_inside():
    sure = Calibration(scores=(0.0, 1.0), errors=(1.0, 1.0), usual_error=1.0)
    calibration = CalibrationByPlace(sure, replace(sure, max_error=0.5), edge=0.1)
    places = np.array([[20.5, 50], [19.5, 50], [50, 79.5], [50, 80.5], [179.5, 20.5], [180.5, 50]])
    # A tenth of the longer side, 200 px.
    expected = [True, False, True, False, True, False]
    assert calibration.is_inside(places, (200, 100)).tolist() == expected
    rows = np.concatenate([places, np.full((6, 1), 0.9)], axis=1)
    assert (calibration.with_confidences(rows, (200, 100))[:, 2] > 0).tolist() == expected


def test_a_model_is_given_to_a_detector_that_takes_one():
    for name in (None, "mediapipe", "rtmlib"):
        with pytest.raises(
            InputError, match=r"the model a\.pt is for a detector that takes one: use it with ultralytics"
        ):
            check_detector(name, "a.pt")
    check_detector("ultralytics", "a.pt")


def test_a_confidence_tells_the_error_as_in_the_training_of_the_network():
    calibration = Calibration(scores=(0.0, 1.0), errors=(4.0, 1.0), usual_error=2.0)
    # A quarter of a turn of the logarithm: 4, 2 and 1 % are at scores 0, 1/2 and 1.
    expected = 0.8 - 0.3 * np.log([2.0, 1.0, 0.5])
    np.testing.assert_allclose(calibration.confidence(np.array([0.0, 0.5, 1.0])), np.minimum(expected, 1), atol=1e-6)


def test_boxes_hold_the_observed_keypoints_only():
    rows = EXAMPLE.copy()
    rows[0] = (9e3, 9e3, 0.0)
    rows[1] = (np.nan, 5.0, 0.9)
    found = people_of("openpose25", rows[None], (512, 640), track_ids=("7",), frame=3)
    seen = rows[2:][rows[2:, 2] > 0]
    left, top, width, height = found.boxes[0]
    np.testing.assert_allclose([left, top], seen[:, :2].min(axis=0))
    np.testing.assert_allclose([left + width, top + height], seen[:, :2].max(axis=0), rtol=1e-6)
    assert not found.keypoints[0, :2].any()
    assert (found.track_ids, found.frames.tolist()) == (("7",), [3])


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
        "a",
    ],
)
def test_what_is_no_picture_is_one_sentence(image):
    with pytest.raises(InputError, match="the picture"):
        check_image(image)


def test_detections_in_an_array_know_its_size():
    found = detect(PERSON, detector=StandIn(EXAMPLE, EXAMPLE))
    assert len(found) == 2
    np.testing.assert_array_equal(found.image_size, [[512, 640]] * 2)
    assert np.isnan(found.focal_length).all()


def test_mediapipe_finds_the_person_in_the_packaged_picture(mediapipe):
    found = mediapipe.detect(PERSON)
    assert len(found) == 1
    truth, names = load_example_truth().keypoints_px, get_layout("openpose25").keypoint_names
    rows = dict(zip(get_layout(found.layout).keypoint_names, found.keypoints[0], strict=True))
    errors = [
        np.linalg.norm(rows[name][:2] - truth[names.index(name)]) for name in names if rows.get(name, [0] * 3)[2] > 0
    ]
    assert len(errors) > 15
    # 2 % of the person's 375 px; mistaken sides or a picture that is mirrored would be tens of pixels.
    assert np.median(errors) < 8


def test_mediapipe_finds_nobody_in_an_empty_picture(mediapipe):
    found = mediapipe.detect(NOBODY)
    assert (len(found), found.keypoints.shape, found.image_size.shape) == (0, (0, 33, 3), (0, 2))


def test_mediapipe_takes_one_frame_for_each_set_and_counts_them(mediapipe):
    taken = []

    def frames():
        for number, image in enumerate((PERSON, NOBODY, PERSON)):
            taken.append(number)
            yield Frame(image, number / 30)

    sets = mediapipe.track(frames())
    assert len(next(sets)) == 1
    assert taken == [0]
    later = list(sets)
    assert [len(one) for one in later] == [0, 1]
    assert later[1].frames.tolist() == [2]


def test_mediapipe_writes_nothing_of_its_own(mediapipe, capfd):
    get_detector("mediapipe").detect(PERSON)
    assert capfd.readouterr() == ("", "")


def test_rtmlib_finds_everybody_in_the_order_of_its_boxes(rtmlib):
    found = rtmlib.detect(np.zeros((640, 640, 3), np.uint8))
    assert (len(found), found.layout) == (2, "halpe26")
    # Its boxes with a quarter around them, as wide as three quarters of their height; models give halves of pixels of the input.
    second_point = np.array([8 + 50 / 2 / 192 * 240, 32 + 75 / 2 / 256 * 320])
    np.testing.assert_allclose(found.keypoints[:, 1, :2], [second_point, np.add(second_point, (256, 0))], atol=1e-3)
    assert (found.keypoints[:, 0, 2] == 0).all()  # its score is that of a guess
    assert (found.keypoints[:, 1, 2] > 0.7).all()


def test_rtmlib_counts_frames(rtmlib):
    sets = list(rtmlib.track(Frame(np.zeros((64, 64, 3), np.uint8), float(k)) for k in range(2)))
    assert [one.frames.tolist() for one in sets] == [[0, 0], [1, 1]]


def test_models_that_rtmlib_cannot_read_are_one_sentence(tmp_path):
    pytest.importorskip("rtmlib", reason="needs the extra `rtmlib`")
    from smplify_jax.detectors.rtmlib import RtmModels, make

    (tmp_path / "a.onnx").write_bytes(b"no model")
    with pytest.raises(InputError, match="the models of rtmlib cannot be read"):
        make(RtmModels(tmp_path / "a.onnx", tmp_path / "a.onnx"))
