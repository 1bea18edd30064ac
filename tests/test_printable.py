"""Texts from outside on terminals and pages."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smplify_jax.errors import InputError
from smplify_jax.files.printable import MAX_LENGTH, printable


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_comes_in_is_one_line_that_can_be_printed_and_not_much_longer(text):
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert len(shown) <= len(r"\U0010ffff") * MAX_LENGTH + 1


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=MAX_LENGTH))
def test_what_can_be_printed_is_as_it_was(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202egpj", r"\u202egpj"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("Łódź 東京 2", "Łódź 東京 2"),
        ("x" * 201, "x" * 200 + "…"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(text, shown):
    assert printable(text) == shown


def test_no_message_of_an_error_breaks_lines_or_steers_a_terminal():
    assert str(InputError("a\nb \x1b[31m\u202e\ud800")) == r"a\nb \x1b[31m\u202e\ud800"
    assert str(InputError("Größe 3 × 4")) == "Größe 3 × 4"
    assert str(pickle.loads(pickle.dumps(InputError("a\nb")))) == r"a\nb"
