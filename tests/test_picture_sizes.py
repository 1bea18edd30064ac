"""Sizes of pictures are looked up in the folder that was given, whatever names and links say."""

import json

import pytest
from PIL import Image

from smplify_jax import load_keypoints
from smplify_jax.cli.inputs import read_inputs
from smplify_jax.cli.options import ReadOptions as CommandOptions
from smplify_jax.errors import InputError
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

INSIDE, OUTSIDE = (64, 48), (32, 24)


@pytest.fixture
def images(tmp_path):
    """A folder of pictures with links, and another one beside it, whose pictures have another size."""
    for folder, size in (("images", INSIDE), ("others", OUTSIDE)):
        (tmp_path / folder / "sub").mkdir(parents=True)
        Image.new("RGB", size).save(tmp_path / folder / "sub" / f"{folder}.jpg")
    (tmp_path / "images" / "link.jpg").symlink_to("../others/sub/others.jpg")
    (tmp_path / "images" / "linked").symlink_to("../others/sub")
    (tmp_path / "images" / "within.jpg").symlink_to("sub/images.jpg")
    return tmp_path / "images"


def write_person(path, image):
    """Somebody in a picture whose size the file does not say."""
    people = [{"id": 1, "image_id": 1, "keypoints": [number for k in range(17) for number in (100 + k, 200 - k, 2)]}]
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": image}], "annotations": people}))
    return path


OUTSIDE_NAMES = [
    "../others/sub/others.jpg",
    "../others/sub/others",
    "{folder}/others/sub/others.jpg",
    "link.jpg",
    "linked/others.jpg",
    "sub/../../others/sub/others.jpg",
]


@pytest.mark.parametrize("image", OUTSIDE_NAMES)
def test_the_size_of_a_picture_outside_is_not_looked_up_unless_that_is_wanted(images, tmp_path, image):
    path = write_person(tmp_path / "a.json", image.format(folder=tmp_path))
    (row,) = read_rows(path, options=ReadOptions(image_folder=images))
    assert isinstance(row, RejectedRow)
    assert "leads out of the folder of pictures" in row.reason
    assert "--pictures-anywhere" in row.reason
    (row,) = read_rows(path, options=ReadOptions(image_folder=images, image_size=(10.0, 20.0)))
    assert isinstance(row, DatasetRow)
    assert row.image_size == (10.0, 20.0)
    (row,) = read_rows(path, options=ReadOptions(image_folder=images, pictures_anywhere=True))
    assert isinstance(row, DatasetRow)
    assert row.image_size == OUTSIDE


@pytest.mark.parametrize("image", ["sub/images.jpg", "sub/images", "within.jpg", "{folder}/images/sub/images.jpg"])
def test_a_picture_in_the_folder_is_found_however_it_is_named(images, tmp_path, image):
    (row,) = read_rows(
        write_person(tmp_path / "a.json", image.format(folder=tmp_path)), options=ReadOptions(image_folder=images)
    )
    assert isinstance(row, DatasetRow)
    assert row.image_size == INSIDE


def test_of_a_name_that_leads_out_the_last_part_may_be_in_the_folder(images, tmp_path):
    (row,) = read_rows(
        write_person(tmp_path / "a.json", "../others/sub/others.jpg"), options=ReadOptions(image_folder=images / "sub")
    )
    assert isinstance(row, RejectedRow)
    Image.new("RGB", INSIDE).save(images / "sub" / "others.jpg")
    # Another name, for where a picture is, is remembered.
    (row,) = read_rows(
        write_person(tmp_path / "b.json", "../elsewhere/others.jpg"), options=ReadOptions(image_folder=images / "sub")
    )
    assert isinstance(row, DatasetRow)
    assert row.image_size == INSIDE


def test_a_folder_that_is_a_link_holds_its_pictures(images, tmp_path):
    (tmp_path / "data").symlink_to("images")
    keypoints = load_keypoints(write_person(tmp_path / "a.json", "sub/images.jpg"), image_folder=tmp_path / "data")
    assert tuple(keypoints.image_size[0]) == INSIDE


def test_load_keypoints_has_the_choice(images, tmp_path):
    path = write_person(tmp_path / "a.json", "link.jpg")
    with pytest.raises(InputError, match="leads out of the folder of pictures"):
        load_keypoints(path, image_folder=images)
    assert tuple(load_keypoints(path, image_folder=images, pictures_anywhere=True).image_size[0]) == OUTSIDE


@pytest.mark.parametrize("is_anywhere", [False, True])
def test_the_program_draws_over_no_picture_outside(images, tmp_path, is_anywhere):
    people = [{"pose_keypoints_2d": [number for k in range(25) for number in (100 + k, 200 - k, 1)]}]
    (tmp_path / "link_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    options = CommandOptions(image=images, image_size=(640, 480), pictures_anywhere=is_anywhere)
    found = read_inputs([tmp_path / "link_keypoints.json"], options)
    if is_anywhere:
        assert found.people[0].image_path == images / "link.jpg"
    else:
        assert [person.image_path for person in found.people] == [None] * len(found.people)


def test_what_is_no_picture_is_told_at_once(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InputError, match="is a device; expected a picture"):
        read_inputs([tmp_path / "a.json"], CommandOptions(image=tmp_path.__class__("/dev/null")))
