"""Exports take pictures of the folder that was given, and write into the folder that was given, whatever names say."""

import json
import tarfile

import pytest
from command_line import one_sentence
from dataset_fits import write_drawn
from PIL import Image

from smplify_jax.cli.dataset import main
from smplify_jax.datasets.exports import ExportOptions, export_fits
from smplify_jax.errors import InputError

PROGRAM = "smplify-fit-dataset export"


@pytest.fixture
def fits(tmp_path):
    """Writes fits of four people in one picture, and gives the file."""

    def write(image):
        write_drawn(tmp_path / "fits" / "a.parquet", 4, image=image)
        return tmp_path / "fits" / "a.parquet"

    return write


@pytest.fixture
def images(tmp_path):
    """A folder of pictures with links, and another one beside it."""
    for folder in ("images", "images of others"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        Image.new("RGB", (64, 48)).save(tmp_path / folder / "sub" / "x.jpg")
    (tmp_path / "images" / "link.jpg").symlink_to("../images of others/sub/x.jpg")
    (tmp_path / "images" / "linked").symlink_to("../images of others/sub")
    (tmp_path / "images" / "inside.jpg").symlink_to("sub/x.jpg")
    return tmp_path / "images"


def _outside(tmp_path):
    others = tmp_path / "images of others"
    return [
        "../images of others/sub/x.jpg",
        "../images of others/sub/x",
        str(others / "sub" / "x.jpg"),
        "link.jpg",
        "linked/x.jpg",
        "sub/../../images of others/sub/x.jpg",
        "../not there.jpg",
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("name", ["spin", "4dhumans"])
def test_a_picture_whose_name_or_link_leads_out_of_the_folder_is_not_used(fits, images, tmp_path, name, number):
    source, options = fits(_outside(tmp_path)[number]), ExportOptions(images=images)
    with pytest.raises(InputError, match="leads out of the folder of pictures"):
        export_fits(source, name, tmp_path / "out", options)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("number", range(6))
def test_it_is_used_if_that_is_wanted(fits, images, tmp_path, number):
    options = ExportOptions(images=images, pictures_anywhere=True)
    exported = export_fits(fits(_outside(tmp_path)[number]), "4dhumans", tmp_path / "out", options)
    assert exported.num_people == 4


@pytest.mark.parametrize("image", ["sub/x.jpg", "sub/x", "inside.jpg", "sub/../sub/x.jpg", "{images}/sub/x.jpg"])
def test_a_picture_in_the_folder_is_used_however_it_is_named(fits, images, tmp_path, image):
    options = ExportOptions(images=images)
    exported = export_fits(fits(image.format(images=images)), "4dhumans", tmp_path / "out", options)
    assert exported.num_people == 4
    with tarfile.open(exported.files[0]) as tar:
        assert all("/" not in name and ".." not in name for name in tar.getnames())


def test_the_folder_itself_may_be_a_link(fits, images, tmp_path):
    (tmp_path / "data").symlink_to("images")
    options = ExportOptions(images=tmp_path / "data")
    assert export_fits(fits("sub/x.jpg"), "4dhumans", tmp_path / "out", options).num_people == 4


def test_without_a_folder_pictures_are_those_below_the_one_that_the_program_runs_in(
    fits, images, tmp_path, monkeypatch
):
    monkeypatch.chdir(images)
    assert export_fits(fits("sub/x.jpg"), "4dhumans", tmp_path / "out").num_people == 4
    with pytest.raises(InputError, match="leads out of the folder of pictures"):
        export_fits(fits("../images of others/sub/x.jpg"), "4dhumans", tmp_path / "out")


def test_the_command_has_a_flag_for_it(fits, images, tmp_path, capsys):
    arguments = ["export", str(fits("link.jpg")), "--to", "4dhumans", "--images", str(images)]
    assert main(arguments) == 1
    assert "--pictures-anywhere" in one_sentence(capsys.readouterr().err, PROGRAM)
    assert main([*arguments, "--pictures-anywhere", "--open-body-as-smpl"]) == 0


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "/tmp/x", "..", ".hidden", "-x", "", "a\\b", "a\nb", "\x1b[2J", "\u202ex", "x" * 300, "c:x"]
)
def test_a_name_of_the_data_set_that_is_no_plain_file_name_is_wrong_usage_and_writes_nothing(
    fits, tmp_path, name, capsys
):
    source = fits("a.jpg")
    before = sorted(tmp_path.rglob("*"))
    assert main(["export", str(source), "--to", "spin", f"--dataset={name}"]) == 2
    assert "--dataset is '" in one_sentence(capsys.readouterr().err, PROGRAM)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_export_left_is_removed_and_users_own_hidden_files_stay(fits, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".fits-000000.tar.0123456789ab.part").write_bytes(b"half")
    for own in (".mine", ".mine.part", "mine.0123456789ab.part"):
        (out / own).write_bytes(b"a user's own")
    export_fits(fits("a.jpg"), "spin", out)
    names = {path.name for path in out.iterdir()}
    assert names == {".mine", ".mine.part", "mine.0123456789ab.part", "fits.npz", "fits_fits.npy"}


def test_names_in_the_output_cannot_steer_a_terminal_or_turn_the_direction_of_writing(fits, images, tmp_path, capsys):
    image = "\x1b[2J\x9b31m\u202egpj.exe\n\r\tsmplify: all is well" + "x" * 5000
    assert main(["export", str(fits(image)), "--to", "4dhumans", "--images", str(images)]) == 1
    told = one_sentence(capsys.readouterr().err, PROGRAM)
    assert told.isprintable()
    assert r"\x1b[2J\x9b31m\u202egpj.exe\n\r\tsmplify: all is well" in told
    assert len(told) < 1000


def test_what_is_left_out_is_listed_with_names_as_they_are(fits, images, tmp_path):
    Image.new("RGB", (64, 48)).save(images / "here.jpg")
    write_drawn(tmp_path / "fits" / "b.parquet", 4, image="here.jpg", seed=1)
    source = fits("\x1b[2J\u202e.jpg").parent
    exported = export_fits(source, "4dhumans", tmp_path / "out", ExportOptions(images=images))
    assert exported.complaint is not None
    assert exported.complaint.isprintable()
    lines = (tmp_path / "out" / "left_out.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["image"] == "\x1b[2J\u202e.jpg"
