"""Every export is read back as those who use it read it."""

import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from dataset_fits import draw_fits, joints_of, provenance, write_drawn
from PIL import Image
from webdataset import autodecode, tariterators

from smplify_jax.camera.crop_box import CropBox
from smplify_jax.datasets.crops_of_fits import crops_of
from smplify_jax.datasets.exports import EXPORTS, ExportOptions, export_fits
from smplify_jax.datasets.exports.slots import in_slots, slots
from smplify_jax.datasets.parquet import read_fits, write_fits
from smplify_jax.datasets.schema import fits_table
from smplify_jax.errors import InputError
from smplify_jax.files.npz_stream import StreamedArray, write_npy
from smplify_jax.keypoints.layouts import LAYOUTS, get_layout

ROUNDING = 1e-4  # m: float32 rotations of bodies up to 6 m away


@pytest.fixture
def fits(tmp_path):
    """Six people of two pictures each, the last without a fit; boxes as SPIN has them."""
    folder = tmp_path / "fits"
    write_drawn(folder / "parquet" / "part-00000.parquet", 6, num_failed=1)
    return folder


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(folder / f"street {number}.png")
    return folder


# SPIN


def test_spin_reads_its_arrays_with_numpy(fits, tmp_path):
    options = ExportOptions(dataset="coco", open_body_as_smpl=True)
    assert [path.name for path in export_fits(fits, "spin", tmp_path, options)] == ["coco.npz", "coco_fits.npy"]
    with np.load(tmp_path / "coco.npz", allow_pickle=False) as data:
        shapes = {name: data[name].shape for name in data.files}
        arrays = {name: data[name] for name in data.files}
    assert shapes == {
        "imgname": (6,),
        "id": (6,),
        "center": (6, 2),
        "scale": (6,),
        "openpose": (6, 25, 3),
        "part": (6, 24, 3),
        "pose": (6, 72),
        "shape": (6, 10),
        "has_smpl": (6,),
        "quality": (6,),
        "body_name": (6,),
    }
    assert arrays["imgname"][5] == "street 2.png"
    assert arrays["has_smpl"].tolist() == [1, 1, 1, 1, 1, 0]
    static_fits = np.load(tmp_path / "coco_fits.npy")
    np.testing.assert_array_equal(static_fits, np.concatenate([arrays["pose"], arrays["shape"]], axis=1))
    np.testing.assert_array_equal(static_fits[5, 3:], 0)


def test_annotated_keypoints_are_spins_parts_and_openposes_are_openpose_and_parts_where_there_are_no_others(tmp_path):
    rows, _ = write_drawn(tmp_path / "a.parquet", 2, "coco17")
    others, _ = write_drawn(tmp_path / "b.parquet", 2, "openpose25")
    export_fits(tmp_path, "spin", tmp_path / "out")
    with np.load(tmp_path / "out" / "fits.npz") as data:
        part, openpose = data["part"], data["openpose"]
    # SPIN's part: 0 right ankle, 5 left ankle, 9 left shoulder, 20 left eye (its order of 24).
    coco = get_layout("coco17")
    for slot, name in ((0, "right_ankle"), (5, "left_ankle"), (9, "left_shoulder"), (20, "left_eye")):
        np.testing.assert_array_equal(part[0, slot], rows[0].keypoints[coco.index(name)])
    assert (openpose[:2] == 0).all()
    np.testing.assert_array_equal(openpose[2:, 1:], np.stack([row.keypoints[1:] for row in others]))
    # SPIN's code stops at people without parts: 9 left shoulder, 14 pelvis, 15 thorax of MPII, 21 right eye.
    body25 = get_layout("openpose25")
    for slot, name in ((0, "right_ankle"), (9, "left_shoulder"), (14, "mid_hip"), (15, "neck"), (21, "right_eye")):
        np.testing.assert_array_equal(part[2, slot], others[0].keypoints[body25.index(name)])
    assert ((part[2:, :, 2] > 0).sum(axis=1) >= 14).all()


@pytest.mark.parametrize(
    ("box", "factor", "scale"),
    [
        (CropBox((100.0, 120.0), (50.0, 300.0)), None, 1.8),
        (CropBox.from_spin(np.array([100.0, 120.0]), 1.5), None, 1.5),
        (CropBox((100.0, 120.0), (50.0, 300.0)), 1.4, 2.1),
    ],
    ids=["a tight box is enlarged as SPIN does", "SPIN's box stays as it was", "the caller's factor goes first"],
)
def test_a_given_box_is_spins_center_and_scale(tmp_path, box, factor, scale):
    write_drawn(tmp_path / "a.parquet", 2, box=box)
    export_fits(tmp_path, "spin", tmp_path / "out", ExportOptions(box_factor=factor))
    with np.load(tmp_path / "out" / "fits.npz") as data:
        np.testing.assert_array_equal(data["center"][0], [100, 120])
        np.testing.assert_allclose(data["scale"], scale, rtol=1e-6)


def test_without_a_box_the_crop_is_that_of_the_observed_keypoints(tmp_path):
    rows, _ = write_drawn(tmp_path / "a.parquet", 2)
    (batch,) = read_fits(tmp_path)
    crops, seen = crops_of(batch), rows[0].keypoints[1:, :2].astype(np.float64)
    np.testing.assert_allclose(crops.center[0], (seen.min(axis=0) + seen.max(axis=0)) / 2, rtol=1e-6)
    np.testing.assert_allclose(crops.side[0], 1.2 * np.ptp(seen, axis=0).max(), rtol=1e-6)


def test_the_pose_of_a_crop_is_what_the_crop_shows(fits, tmp_path):
    """A weak perspective camera on the crop sees the exported body where the picture shows the person, better than the picture's body."""
    export_fits(fits, "spin", tmp_path)
    (batch,) = read_fits(fits)
    with np.load(tmp_path / "fits.npz") as data:
        pose, shape = data["pose"][:5], data["shape"][:5]
    plain = np.concatenate([batch.array("global_orient"), batch.array("body_pose")], axis=1)[:5]
    joints = batch.array("joints")[:5].reshape(5, 24, 3)
    shown = 800 * joints[..., :2] / joints[..., 2:]

    def residual(pose):
        flat = joints_of(pose, shape, np.zeros((5, 3), np.float32))[..., :2]
        flat, seen = flat - flat.mean(axis=1, keepdims=True), shown - shown.mean(axis=1, keepdims=True)
        scale = (flat * seen).sum(axis=(1, 2)) / (flat**2).sum(axis=(1, 2))
        return np.linalg.norm(scale[:, None, None] * flat - seen, axis=-1).mean(axis=1)

    assert (np.abs(batch.array("transl")[:5, 0]) > 0.5).all()
    assert (residual(pose) < residual(plain)).all()
    assert residual(pose).mean() < 0.7 * residual(plain).mean()  # 2.5 px of 4.2 px; the rest is perspective


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_keypoint_goes_to_a_slot_that_means_the_same_point(layout):
    source, target = get_layout(layout), get_layout("spin49")
    for num_slots in (44, 49):
        pairs = slots(layout, num_slots)
        assert len({slot for _, slot in pairs}) == len(pairs)
        assert all(source.points[index] == target.points[slot] for index, slot in pairs)
    assert layout in ("h36m17", "smpl24") or len(slots(layout, 49)) >= 13


def test_the_49_keypoints_stay_as_they_are():
    keypoints = np.random.default_rng(0).uniform(1, 9, (2, 49, 3)).astype(np.float32)
    np.testing.assert_array_equal(in_slots(keypoints, "spin49", 49), keypoints)
    np.testing.assert_array_equal(in_slots(keypoints, "spin49", 44), keypoints[:, :44])


# 4D-Humans


def read_as_4dhumans_does(paths, max_loss=31000):
    """People: the samples decoded, split, and filtered by the fitting loss as its loader does."""
    decode, people = autodecode.Decoder([autodecode.imagehandler("rgb8")]), []
    for path in paths:
        with open(path, "rb") as stream:
            files = tariterators.tar_file_expander([{"url": str(path), "stream": stream}])
            samples = list(map(decode, tariterators.group_by_keys(files)))
        for sample in samples:
            image = next(sample[ending] for ending in ("jpg", "jpeg", "png") if ending in sample)
            people += [(sample["__key__"], image, person) for person in sample["data.pyd"]]

    def loss(person):
        losses = person.get("extra_info", {}).get("fitting_loss", np.array({})).item()
        return losses.get("reprojection_loss", None)

    return [(key, image, p) for key, image, p in people if loss(p) is None or loss(p) < max_loss]


def test_4dhumans_reads_pictures_and_people_with_webdataset(fits, images, tmp_path):
    options = ExportOptions("ours", images, people_per_shard=4, open_body_as_smpl=True)
    paths = export_fits(fits, "4dhumans", tmp_path, options)
    assert [path.name for path in paths] == ["ours-000000.tar", "ours-000001.tar"]
    people = read_as_4dhumans_does(paths)
    assert [person["extra_info"]["id"] for _, _, person in people] == [f"people.json#{k}" for k in range(6)]
    assert len({key for key, _, _ in people}) == 3
    (batch,) = read_fits(fits)
    crops = crops_of(batch)
    for index, (_, image, person) in enumerate(people):
        assert image.shape == (48, 64, 3)
        assert image[0, 0, 0] == index // 2
        assert person["keypoints_2d"].shape == (44, 3)
        assert person["keypoints_3d"].shape == (44, 4)
        assert person["body_pose"].shape == (72,)
        assert person["betas"].shape == (10,)
        assert person["has_body_pose"] == person["has_betas"] == float(index < 5)
        width, height = person["scale"] * 200
        assert width / height == pytest.approx(192 / 256)
        assert height >= crops.size[index, 1] * (1 - 1e-6)
        assert width >= crops.size[index, 0] * (1 - 1e-6)
        person["keypoints_2d"][0, 0] = 1.0  # the loader writes into what it read
    # Noise of 2 px on some 17 keypoints is far below what the loader filters out.
    assert all(0 < p["extra_info"]["fitting_loss"].item()["reprojection_loss"] < 1000 for _, _, p in people[:5])
    ((_, _, unfitted),) = read_as_4dhumans_does(paths, max_loss=0)
    assert unfitted["extra_info"]["id"] == "people.json#5"


def test_4dhumans_and_spin_have_the_same_bodies(fits, images, tmp_path):
    options = ExportOptions(images=images, open_body_as_smpl=True)
    paths = export_fits(fits, "4dhumans", tmp_path, options)
    export_fits(fits, "spin", tmp_path, options)
    people = [person for _, _, person in read_as_4dhumans_does(paths)]
    both = np.stack([np.concatenate([person["body_pose"], person["betas"]]) for person in people])
    np.testing.assert_array_equal(both, np.load(tmp_path / "fits_fits.npy"))


def test_names_with_dots_do_not_split_a_sample(tmp_path, images):
    (images / "street 0.png").rename(images / "v1.2 street.png")
    write_drawn(tmp_path / "a.parquet", 2, image="v1.2 street.png")
    (path,) = export_fits(tmp_path, "4dhumans", tmp_path / "out", ExportOptions(images=images))
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["000000_000000_v1_2_street.png", "000000_000000_v1_2_street.data.pyd"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("nothing.jpg", "nothing.jpg: not there"),
        ("street.tif", "street.tif: not a kind of picture"),
        ("", "is not known"),
    ],
)
def test_without_anybodys_picture_the_first_is_told_and_there_is_no_tar(tmp_path, monkeypatch, image, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street.tif").write_bytes(b"II*")
    write_drawn(tmp_path / "a.parquet", 2, image=image)
    with pytest.raises(InputError, match=message):
        export_fits(tmp_path, "4dhumans", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_body_with_fingers_gets_zeros_for_smpls_hands(tmp_path):
    rows, result = draw_fits(2)
    short = replace(result, body_pose=result.body_pose[:, :63])
    write_fits(tmp_path / "a.parquet", fits_table(rows, short), provenance(result))
    export_fits(tmp_path, "spin", tmp_path / "out")
    pose = np.load(tmp_path / "out" / "fits_fits.npy")[:, :72]
    np.testing.assert_array_equal(pose[:, 3:66], short.body_pose)
    assert (pose[:, 66:] == 0).all()


# All


def test_an_unknown_export_names_the_known_ones(fits, tmp_path):
    with pytest.raises(InputError, match="use one of spin, 4dhumans, amass, smpl, people"):
        export_fits(fits, "bvh", tmp_path)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_of_nothing_says_so(tmp_path, name):
    with pytest.raises(InputError, match=r"there are no \.parquet files"):
        export_fits(tmp_path, name, tmp_path / "out")


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_written_twice_the_same(fits, images, tmp_path, name):
    options = ExportOptions(images=images)
    once, again = (export_fits(fits, name, tmp_path / folder, options) for folder in ("once", "again"))
    assert [path.name for path in once] == [path.name for path in again]
    if name in ("spin", "4dhumans"):
        assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]


def test_blocks_that_do_not_add_up_to_the_shape_are_a_defect():
    array = StreamedArray("x", (3, 2), np.dtype(np.float32), lambda: [np.zeros((2, 2))])
    with pytest.raises(ValueError, match="2 rows, expected 3"):
        write_npy(io.BytesIO(), array)


@pytest.mark.parametrize("name", EXPORTS)
def test_a_data_set_without_any_usable_fit_is_exported_all_the_same(images, tmp_path, name):
    write_drawn(tmp_path / "a.parquet", 4, num_failed=4)
    paths = export_fits(tmp_path, name, tmp_path / "out", ExportOptions(images=images))
    assert bool(paths) == (name in ("spin", "4dhumans"))
