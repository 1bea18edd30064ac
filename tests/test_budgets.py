"""What a file may ask for has limits; time is one, options raise them, and a sentence says how."""

import json
import threading
from dataclasses import fields

import numpy as np
import pytest
from command_line import one_sentence
from hostile_files import coco, reasons

from smplify_jax import load_keypoints
from smplify_jax.cli.dataset import main as fit_dataset
from smplify_jax.cli.fit import main as fit
from smplify_jax.datasets.job.intake import JobInput
from smplify_jax.errors import InputError
from smplify_jax.files import budget as budgets
from smplify_jax.files.budget import Budget, budget, check_limit, read_with
from smplify_jax.files.npz import load_npz
from smplify_jax.files.safe_pickle import load_pickle
from smplify_jax.keypoints.formats.reading import ReadOptions
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import DatasetRow, RejectedRow


class Clock:
    """Stands in for the module `time`: time passes where somebody looks at it."""

    def __init__(self, seconds_a_look):
        self.now = 0.0
        self._step = seconds_a_look

    def thread_time(self):
        self.now += self._step
        return self.now

    perf_counter = thread_time


def test_a_file_that_takes_too_long_is_read_as_far_as_it_may(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(coco(range(1000)))
    monkeypatch.setattr(budgets, "time", Clock(0.1))
    with read_with(seconds=30, seconds_per_mebibyte=0):
        rows = list(read_rows(tmp_path / "a.json"))
    assert 50 < len(rows) < 600
    assert all(isinstance(row, DatasetRow) for row in rows[:-1])
    (reason,) = reasons(rows)
    assert "more than the 30 s that a file of its size may take" in reason
    assert "the limit seconds;" in reason
    assert reason.endswith("nothing after it is read")


def test_a_larger_file_may_take_longer(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(coco(range(1000)))
    monkeypatch.setattr(budgets, "time", Clock(0.1))
    with read_with(seconds=30, seconds_per_mebibyte=10_000):
        assert not reasons(read_rows(tmp_path / "a.json"))


def test_the_time_of_whoever_takes_the_rows_does_not_count(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(coco(range(1000)))
    clock = Clock(0.001)
    monkeypatch.setattr(budgets, "time", clock)
    num_people = 0
    with read_with(seconds=30, seconds_per_mebibyte=0):
        for row in read_rows(tmp_path / "a.json"):
            num_people += isinstance(row, DatasetRow)
            clock.now += 1000
    assert num_people == 1000


@pytest.mark.parametrize("name", ["a.npz", "a.pkl"])
def test_what_is_read_whole_has_a_limit_of_time_too(tmp_path, monkeypatch, name):
    np.savez(tmp_path / "a.npz", keypoints=np.zeros((2, 17, 3)))
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02](" + b"K\x01" * 20_000 + b"e.")
    read = load_npz if name == "a.npz" else load_pickle
    read(tmp_path / name)
    monkeypatch.setattr(budgets, "time", Clock(1.0))
    with read_with(seconds=2, seconds_per_mebibyte=0), pytest.raises(InputError, match=rf"{name}.*the limit seconds"):
        read(tmp_path / name)


def test_in_a_folder_the_others_are_read(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(coco(range(2000)))
    (tmp_path / "b.json").write_text(coco(range(10)))
    monkeypatch.setattr(budgets, "time", Clock(0.1))
    with read_with(seconds=60, seconds_per_mebibyte=0):
        rows = list(read_rows(tmp_path))
    assert len(reasons(rows)) == 1
    assert sum(isinstance(row, DatasetRow) and row.file == "b.json" for row in rows) == 10


@pytest.mark.parametrize("name", [one.name for one in fields(Budget)])
def test_every_limit_can_be_raised_in_the_ways_that_its_sentence_names(name):
    limit = getattr(budget(), name)
    with pytest.raises(InputError) as caught:
        check_limit(limit + 1, name, "it is")
    assert f"the limit {name}; if you trust the file, raise it with --read-limit" in str(caught.value)
    assert f"read_with({name}=...)" in str(caught.value)
    with read_with(**{name: limit + 1}):
        check_limit(limit + 1, name, "it is")
    with read_with(**vars(Budget().times(4))):
        check_limit(4 * limit, name, "it is")


def test_a_job_is_read_within_the_limits_that_it_was_told_in_every_thread(tmp_path):
    folder = tmp_path.joinpath(*["d"] * 70)
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(coco([1]))
    with read_with(folder_depth=100):
        source = JobInput(tmp_path, None, ReadOptions())
    found = []
    reader = threading.Thread(target=lambda: found.extend(source.rows()))
    reader.start()
    reader.join()
    assert [type(row) for row in found] == [DatasetRow]
    assert [type(row) for row in JobInput(tmp_path, None, ReadOptions()).rows()] == [RejectedRow]
    # Between two rows, the limits are those of whoever takes them.
    next(iter(source.rows()))
    assert budget().folder_depth == Budget().folder_depth


@pytest.mark.parametrize(("program", "main"), [("smplify-fit", fit), ("smplify-fit-dataset", fit_dataset)])
def test_both_programs_raise_the_limits_by_one_option(tmp_path, capsys, program, main):
    """Of somebody who cannot be fitted, so that nothing is compiled."""
    folder = tmp_path.joinpath("in", *["d"] * 70)
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps([{"keypoints": [0, 0, 0] * 17, "image_id": 1}]))
    arguments = [str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--format", "coco-results", "--no-cache"]
    assert main(arguments) == 1
    assert "raise it with --read-limit" in capsys.readouterr().err
    assert main([*arguments, "--read-limit", "2"]) == 1
    said = capsys.readouterr().err
    assert "--read-limit" not in said
    assert "no keypoint has finite coordinates" in said
    assert main([*arguments, "--read-limit", "0"]) == 2
    assert "--read-limit must be at least 1" in one_sentence(capsys.readouterr().err, program)


def test_the_sentence_of_a_refused_file_says_how_to_read_it(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, keypoints=np.zeros((400_000, 17, 3), np.float32), layout="coco17")
    with pytest.raises(InputError, match=r"raise it with --read-limit, or in Python with read_with\(unpacked_per_byte"):
        load_keypoints(path)
