"""Small files made to do harm: each ends in one sentence, soon and in little memory, in a process that a crash would take down."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hostile_files import coco, reads, reasons
from PIL import Image

from smplify_jax.errors import InputError
from smplify_jax.files.budget import read_with
from smplify_jax.files.images import load_image
from smplify_jax.files.npz import load_npz
from smplify_jax.keypoints.formats.reading import known_box, known_corners
from smplify_jax.keypoints.names import unique_names
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

HOSTILE = Path(__file__).parent / "data" / "hostile"


@pytest.mark.parametrize(
    ("reader", "name", "words"),
    [
        ("load_body", "sparse_oob_body.pkl", "lines do not follow each other"),
        ("load_body", "sparse_oob.npz", "lines do not follow each other"),
        ("load_prior", "sparse_oob_prior.pkl", "lines do not follow each other"),
        ("load_body", "body_bomb_min.pkl", "the limit unpacked_per_byte"),
        ("load_prior", "prior_bomb_min.pkl", "the limit unpacked_per_byte"),
        ("load_body", "pickle_dtype_bomb8.pkl", "the limit unpacked_per_byte"),
        ("load_prior", "prior_hugeint.pkl", "more than 1000 bits"),
        ("rows", "pq_rows_1e8.parquet", "the limit unpacked_per_byte"),
        ("rows", "gz_head.tgz", "neither JSON, .npz, tar nor Parquet"),
        ("read_image_size", "eps_named_png.png", "cannot be read as a picture (it is a PostScript file)"),
    ],
)
def test_a_hostile_file_is_one_sentence(reader, name, words):
    lines, is_sentence = reads(reader, HOSTILE / name)
    assert is_sentence
    assert len(lines) == 1
    assert name in lines[0]
    assert words in lines[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pq_image_int.parquet", "the picture's name is of type int"),
        ("pq_utf8.parquet", "not UTF-8"),
        ("spin_objscale.npz", "scale is a float and no array of numbers"),
        ("tar_name.tar", "not UTF-8"),
    ],
)
def test_a_hostile_record_is_one_rejected_row(name, words):
    lines, _ = reads("rows", HOSTILE / name)
    assert len(lines) == 1
    assert lines[0].startswith("rejected: ")
    assert words in lines[0]


def test_one_number_of_400_digits_in_a_box_costs_its_record_alone():
    lines, _ = reads("rows", HOSTILE / "one_bad_bbox.json")
    assert lines.count("person") == 399
    (rejected,) = (line for line in lines if line != "person")
    assert "box holds an integer of more than 300 digits" in rejected


@pytest.mark.parametrize("read_box", [known_box, known_corners])
def test_a_box_with_a_huge_number_is_a_sentence_and_one_that_is_none_is_not_known(read_box):
    for values in ([10**400, 1.5, 2, 3], [1.5, 2, 3.5, 10**400], [1, 2, -(10**400), 1.5]):
        with pytest.raises(InputError, match="more than 300 digits"):
            read_box(values)
    for values in (None, [], [0, 0, 0, 0], [1, 2, "3", 4], [float("nan")] * 4, [1, 2, float("inf"), 4]):
        assert read_box(values) is None


def test_names_that_differ_in_case_are_told_apart_in_time():
    lines, is_sentence = reads("load_keypoints", HOSTILE / "names_case.npz")
    assert not lines
    assert not is_sentence


def test_ids_that_python_hashes_alike_are_looked_up_in_time(tmp_path):
    same_hash = [(k + 1) * (2**61 - 1) for k in range(60_000)]
    path = tmp_path / "ids.json"
    path.write_text(coco(same_hash[:3_000]))
    assert [row.image for row in read_rows(path) if isinstance(row, DatasetRow)] == [f"{n}.jpg" for n in range(3_000)]
    images = [{"id": k} for k in same_hash]
    path.write_text(json.dumps({"images": images, "annotations": []}))
    lines, _ = reads("rows", path)
    assert lines == []


def test_keys_that_python_hashes_alike_are_refused(tmp_path):
    path = tmp_path / "keys.pkl"
    keys = b"".join(b"\x8a\x0a" + ((k + 1) * (2**61 - 1)).to_bytes(10, "little") + b"N" for k in range(60_000))
    path.write_bytes(b"\x80\x02}(" + keys + b"u.")
    lines, is_sentence = reads("load_body", path)
    assert is_sentence
    assert "whole number of more than 64 bits" in lines[0]


def write_bomb(path, num_bytes, method=zipfile.ZIP_DEFLATED, **header):
    """An .npz of that many zeros."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {header.get('shape', (num_bytes // 204, 17, 3))}, }}\n"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("keypoints.npy", "w", force_zip64=True) as file:
        file.write(header.get("start", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()))
        for _ in range(num_bytes // 2**20):
            file.write(bytes(2**20))


@pytest.mark.parametrize("reader", ["load_keypoints", "load_body"])
def test_an_archive_of_zeros_is_refused_before_it_is_unpacked(tmp_path, reader):
    write_bomb(tmp_path / "bomb.npz", 2**30)
    lines, is_sentence = reads(reader, tmp_path / "bomb.npz")
    assert is_sentence
    assert "bomb.npz" in lines[0]


def test_a_header_of_a_gigabyte_is_not_read(tmp_path):
    write_bomb(tmp_path / "header.npz", 2**29, start=b"\x93NUMPY\x02\x00" + (2**29).to_bytes(4, "little"))
    _, is_sentence = reads("load_keypoints", tmp_path / "header.npz")
    assert is_sentence
    with read_with(unpacked_per_byte=2000), pytest.raises(InputError, match="header has 536870912 bytes"):
        load_npz(tmp_path / "header.npz")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_packed_as_numpy_does_not_are_refused(tmp_path, method):
    write_bomb(tmp_path / "a.npz", 2**20, method)
    with pytest.raises(InputError, match="another method than NumPy's"):
        load_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("descr", "shape"),
    [
        ("'<U0'", "(1000000000,)"),
        ("'|V8'", "(1,)"),
        ("[('a', '<f4')]", "(1,)"),
        ("'<M8[s]'", "(1,)"),
        ("'<f4'", "(-1, 3)"),
        ("'<f4'", "(2305843009213693952, 8)"),
        ("'<U1'", "(2,)"),
    ],
)
def test_arrays_that_lie_about_their_type_or_shape_are_refused(tmp_path, descr, shape):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        header = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
        archive.writestr("a.npy", header + b"\xff" * 8)
    with pytest.raises(InputError, match=r"lie\.npz"):
        load_npz(tmp_path / "lie.npz")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_packed_tar_of_zeros_is_one_rejected_row(tmp_path, mode):
    path = tmp_path / "bomb.tar"
    with tarfile.open(path, mode) as archive:
        member = tarfile.TarInfo("a.data.pyd")
        member.size = 200 * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    lines, _ = reads("rows", path)
    assert len(lines) == 1
    assert "the limit unpacked_per_byte" in lines[0]


def test_1500_headers_in_a_row_are_a_sentence(tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1
    block = header.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(tarfile.BLOCKSIZE, b"\0")
    (tmp_path / "a.tar").write_bytes(block * 1500)
    lines, _ = reads("rows", tmp_path / "a.tar")
    assert len(lines) == 1


def test_a_cut_off_gzip_is_a_sentence(tmp_path):
    (tmp_path / "a.tgz").write_bytes(gzip.compress(bytes(10_000))[:-8])
    with pytest.raises(InputError, match=r"a\.tgz"):
        list(read_rows(tmp_path / "a.tgz"))


def test_a_picture_of_too_many_pixels_is_refused_from_its_head(tmp_path):
    Image.new("1", (11_000, 11_000)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match="the limit picture_pixels"):
        load_image(tmp_path / "large.png")


def test_text_that_is_not_utf8_costs_its_record_alone(tmp_path):
    text = coco([1, 2, 3]).replace("1.jpg", "\udcff.jpg").encode(errors="surrogateescape")
    (tmp_path / "a.json").write_bytes(text)
    rows = list(read_rows(tmp_path / "a.json"))
    assert [type(row) for row in rows] == [DatasetRow, RejectedRow, DatasetRow]
    assert "not UTF-8" in reasons(rows)[0]


def test_numbers_behind_names_are_the_first_free_ones():
    names = ["a", "A", "a", "a_3", "a", "x" * 120, "x" * 119 + "y", "x" * 120, "x" * 119 + "y"]
    assert unique_names(names)[:5] == ("a", "A_2", "a_3", "a_3_2", "a_4")
    unique = unique_names(names * 20)
    assert len({name.casefold() for name in unique}) == len(names) * 20


def test_a_record_that_no_reader_thought_of_is_one_rejected_row(tmp_path, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("nobody thought\nof it")

    monkeypatch.setattr("smplify_jax.keypoints.formats.coco._make_row", fails)
    (tmp_path / "a.json").write_text(coco([1, 2]))
    rows = list(read_rows(tmp_path / "a.json"))
    assert reasons(rows) == ["the record cannot be read (ZeroDivisionError: nobody thought?of it)"] * 2


def test_names_of_many_people_take_time_that_grows_with_their_number():
    names = [f"{'x' * 118}{k % 100:02d}" for k in range(20_000)]
    assert len(set(unique_names(names))) == len(np.unique(unique_names(names))) == 20_000
