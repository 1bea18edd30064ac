"""OpenCV's YAML: what it writes is read, and anything else is a sentence."""

import numpy as np
import pytest

from smplify_jax.errors import InputError
from smplify_jax.files.opencv_yaml import parse_opencv_yaml

TEXT = """%YAML:1.0
---
time: "Tue 01 Jan 2013 10:00:00"   # a comment
width: 640
board: { width:9, height: 6, "k": [1, .5, -2.e-01, .Nan] }
names:
- 01
- "02"
list:
   - a: 1
     b: [ 2,
        3 ]
   -
     a: 4
nested:
   M: !!opencv-matrix
      rows: 1
      cols: 2
      dt: "3f"
      data: [1,2,3,4,5,6]
   N: !!opencv-nd-matrix
      sizes: [2, 1, 1]
      dt: d
      data: [ 7., 8. ]
   empty: []
is_good: true
nothing:
"""


def test_names_lists_texts_and_matrices_are_read():
    tree = parse_opencv_yaml(TEXT)
    assert tree["time"] == "Tue 01 Jan 2013 10:00:00"
    assert tree["width"] == 640
    assert tree["board"]["width"] == 9
    assert tree["board"]["height"] == 6
    np.testing.assert_array_equal(tree["board"]["k"], [1, 0.5, -0.2, np.nan])
    assert tree["names"] == ["01", "02"]
    assert tree["list"] == [{"a": 1, "b": [2, 3]}, {"a": 4}]
    np.testing.assert_array_equal(tree["nested"]["M"], [[[1, 2, 3], [4, 5, 6]]])
    np.testing.assert_array_equal(tree["nested"]["N"], [[[7]], [[8]]])
    assert tree["nested"]["empty"] == []
    assert tree["is_good"] is True
    assert tree["nothing"] is None


def test_a_list_below_its_name_may_stand_as_far_left():
    assert parse_opencv_yaml("a:\n- 1\n- 2\nb: 3\n") == {"a": [1, 2], "b": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("%YAML:1.0\n---\n", "holds nothing"),
        ("- 1\n- 2\n", "it is a list"),
        ("a: &anchor 1", "YAML that OpenCV does not write"),
        ("a: *anchor", "YAML that OpenCV does not write"),
        ("a: |\n  text", "YAML that OpenCV does not write"),
        ("a: 1\n  b: 2", r"line 2, 'b: 2', is not"),
        ("a: 1\nwords", r"line 2, 'words', is not"),
        ("a: [1, 2", "a bracket is not closed"),
        ("a: [1 2]", "a comma is missing"),
        ("a: [1, , 2]", "no list of values"),
        ("a: {b}", "a name has no value"),
        ('a: "b', "a quote is not closed"),
        ("M: !!opencv-matrix\n  rows: 2\n  cols: 2\n  dt: d\n  data: [1, 2, 3]", "does not have the entries"),
        ("M: !!opencv-matrix\n  rows: -1\n  cols: 2\n  dt: d\n  data: [1, 2, 3, 4]", "does not have the entries"),
        ("M: !!opencv-matrix\n  rows: 1\n  cols: 1\n  dt: d\n  data: [x]", "does not have the entries"),
    ],
)
def test_other_yaml_and_damage_are_sentences(text, words):
    with pytest.raises(InputError, match=words):
        parse_opencv_yaml(text)
