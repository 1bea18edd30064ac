"""JSON read value by value is what `json.loads` gives, wherever the blocks of text end."""

from __future__ import annotations

import io
import json
import math

import pytest

from smplify_jax.keypoints.formats import json_stream
from smplify_jax.keypoints.formats.json_stream import JsonStream
from smplify_jax.keypoints.formats.reading import DamagedFileError


@pytest.mark.parametrize("block", [1, 2, 7, 64])
def test_values_are_the_same_whatever_the_length_of_a_block(monkeypatch, block):
    monkeypatch.setattr(json_stream, "BLOCK_LENGTH", block)
    values = [-12.5e-3, 123456, {"a": [None, True, 'é"\\ ]}']}, [], "", float("inf")]
    for indent in (None, 2):
        text = json.dumps({"first": values, "second": values}, indent=indent)
        stream = JsonStream(io.StringIO(text))
        found = {key: list(stream.items()) for key in stream.members()}
        assert found == {"first": values, "second": values}


@pytest.mark.parametrize("text", ["[1 2]", "[1,]", "[", "[1", '["a', "[" * 100_000, "[tru]", "[1}"])
def test_damaged_lists_are_damaged_files(text):
    with pytest.raises(DamagedFileError):
        list(JsonStream(io.StringIO(text)).items())


def test_a_number_of_thousands_of_digits_costs_its_record_alone():
    text = '[{"a": 1}, {"a": ' + "9" * 5000 + '}, {"a": ' + "9" * 900 + "}]"
    assert list(JsonStream(io.StringIO(text)).items()) == [{"a": 1}, {"a": math.inf}, {"a": int("9" * 900)}]


def test_a_syntax_error_is_found_without_reading_on(monkeypatch):
    monkeypatch.setattr(json_stream, "BLOCK_LENGTH", 1000)
    text = "[[1 2], " + "3, " * 10_000 + "4]"
    file = io.StringIO(text)
    with pytest.raises(DamagedFileError):
        list(JsonStream(file).items())
    assert file.tell() < 3000
