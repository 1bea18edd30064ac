"""Parquet files that ask for far more than they hold: by texts that repeat, by pages that lie, by footers that end Arrow's process."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_fits import write_drawn
from hostile_files import reads

from smplify_jax.datasets.parquet import read_fits
from smplify_jax.errors import InputError
from smplify_jax.files.parquet_layout import pages_of, row_groups_of
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow

NUM_PEOPLE = 2000
LONG = "y" * 2**20
"""A MiB, which is repeated for each person."""


def write_people(path, ids, num_people=NUM_PEOPLE, **options):
    """People at random places, with these ids."""
    keypoints = np.random.default_rng(0).uniform(1, 600, 51).astype(np.float32)
    columns = {
        "keypoints": pa.FixedSizeListArray.from_arrays(pa.array(np.tile(keypoints, num_people)), 51),
        "layout": pa.array(["coco17"] * num_people),
        "id": ids,
    }
    pq.write_table(pa.table(columns), path, **{"compression": "zstd", "dictionary_pagesize_limit": 2**24, **options})


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_text_that_repeats_is_not_written_out_for_each_person(tmp_path, store_schema):
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * (NUM_PEOPLE - 1) + [1], pa.int32()), pa.array([LONG, "a"]))
    write_people(tmp_path / "a.parquet", ids, store_schema=store_schema)
    assert (tmp_path / "a.parquet").stat().st_size < 50_000
    lines, _ = reads("rows", tmp_path / "a.parquet")
    assert len(lines) == NUM_PEOPLE
    assert all("more than 16384 bytes" in line for line in lines[:-1])
    assert lines[-1] == "person"


def test_texts_that_begin_with_parts_of_others_are_written_out_a_few_at_a_time(tmp_path):
    encoding = {"use_dictionary": False, "column_encoding": {"id": "DELTA_BYTE_ARRAY"}}
    write_people(tmp_path / "a.parquet", pa.array([LONG] * 500), 500, **encoding)
    lines, _ = reads("rows", tmp_path / "a.parquet")
    assert len(lines) == 500
    assert all("more than 16384 bytes" in line for line in lines)
    write_people(tmp_path / "short.parquet", pa.array([f"person {k}" for k in range(500)]), 500, **encoding)
    assert [row.source_id for row in read_rows(tmp_path / "short.parquet") if isinstance(row, DatasetRow)] == [
        f"person {k}" for k in range(500)
    ]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (pa.array([[LONG]] * 100), "holds lists of texts"),
        (pa.array([bytes(2**20)] * 100, pa.binary(2**20)), "holds values of 1048576 bytes"),
    ],
)
def test_a_column_that_no_reader_needs_is_a_sentence(tmp_path, ids, words):
    write_people(tmp_path / "a.parquet", ids, len(ids))
    lines, is_sentence = reads("rows", tmp_path / "a.parquet")
    assert is_sentence
    assert words in lines[0]


def _varint(number):
    """As Thrift writes a number."""
    number, data = 2 * number, []
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


def _first_page(path):
    """What the first page of the first column says, and where the column begins."""
    with path.open("rb") as file:
        chunk = row_groups_of(file)[0].chunks[0]

        def read_at(place, num_bytes):
            file.seek(place)
            return file.read(num_bytes)

        return next(pages_of(read_at, chunk)), chunk.first


def test_a_page_that_asks_for_more_than_the_footer_says_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    one_page = {"use_dictionary": False, "data_page_size": 2**24, "write_statistics": False}
    write_people(path, pa.nulls(15_000, pa.string()), 15_000, **one_page)
    page, first = _first_page(path)
    content, said, lie = bytearray(path.read_bytes()), _varint(page.num_bytes), _varint(2**27 - 1)
    place = content.index(said, first, first + 10)
    content[place : place + len(said)] = lie
    assert len(lie) == len(said)
    path.write_bytes(content)
    assert _first_page(path)[0].num_bytes == 2**27 - 1
    lines, _ = reads("rows", path)
    assert len(lines) == 1
    assert "the limit unpacked_per_byte" in lines[0]


def test_a_footer_over_which_arrow_ends_the_process_is_a_sentence():
    lines, _ = reads("rows", Path(__file__).parent / "data" / "hostile" / "pq_histogram.parquet")
    (line,) = lines
    assert line.startswith("rejected: ")
    assert "damaged or cut-off Parquet" in line


def test_files_of_fits_are_bounded_alike(tmp_path):
    write_drawn(tmp_path / "part.parquet", 5)
    table = pq.read_table(tmp_path / "part.parquet")
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * 5, pa.int32()), pa.array([LONG]))
    place = table.schema.get_field_index("id")
    pq.write_table(table.set_column(place, "id", ids), tmp_path / "part.parquet")
    with pytest.raises(InputError, match="holds a text of more than 16384 bytes in 'id'"):
        list(read_fits(tmp_path))
    assert len(next(iter(read_fits(tmp_path, ("quality",))))) == 5


def test_any_byte_of_a_file_may_be_wrong(tmp_path):
    """A fifth of the bytes, each in turn: a crash of Arrow's would end this process."""
    path = tmp_path / "a.parquet"
    write_people(path, pa.array([None, "b"] * 10), 20, compression="none", row_group_size=15)
    content = path.read_bytes()
    num_rejected = 0
    for place in range(0, len(content), 5):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            num_rejected += sum(isinstance(row, RejectedRow) for row in read_rows(path))
        except InputError:
            num_rejected += 1
    assert num_rejected > len(content) // 20
