"""Old paths of modules lead to the modules themselves, in a process that has imported nothing else."""

import subprocess
import sys
from importlib import import_module

import pytest

from smplify_jax.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_is_the_module_at_its_new_one_and_says_so(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} has moved"):
        module = import_module(old)
    assert module is import_module(MOVED[old])


def test_a_module_of_a_moved_package_is_not_loaded_twice():
    program = (
        "from smplify_jax.datasets.readers.reading import ReadOptions as old\n"
        "from smplify_jax.keypoints.formats.reading import ReadOptions as new\n"
        "assert old is new"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
