"""`fit` in programs that set JAX's flags, and in forked processes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit

_FIT_A_PERSON = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from people import IMAGE_SIZE, draw_people
from smplify_jax import fit
keypoints = draw_people(2, "coco17").keypoints
keypoints[1] = 0
"""


def run(program, **flags):
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **flags}, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize(
    "flags",
    [
        {"JAX_ENABLE_X64": "1", "JAX_NUMPY_DTYPE_PROMOTION": "strict"},
        {"JAX_DEBUG_NANS": "1", "JAX_DEBUG_INFS": "1"},
    ],
)
def test_a_program_that_sets_jaxs_flags_gets_the_same_fit_to_the_bit(flags):
    keypoints = draw_people(2, "coco17").keypoints
    keypoints[1] = 0
    expected = np.asarray(fit(keypoints, layout="coco17", image_size=IMAGE_SIZE).joints)
    program = _FIT_A_PERSON + (
        "import hashlib, jax\n"
        "jax.config.update('jax_numpy_rank_promotion', 'raise')\n"
        "result = fit(keypoints, layout='coco17', image_size=IMAGE_SIZE)\n"
        "alone = fit(keypoints[1], layout='coco17', image_size=IMAGE_SIZE)\n"
        "assert np.isnan(alone.joints).all() and [s.name for s in result.statuses()] == ['CONVERGED', 'TOO_FEW_KEYPOINTS']\n"
        "print(np.asarray(result.joints).dtype, hashlib.sha256(np.asarray(result.joints).tobytes()).hexdigest())\n"
    )
    done = run(program, **flags)
    assert done.stdout.split() == ["float32", hashlib.sha256(expected.tobytes()).hexdigest()], done.stderr


def test_fit_leaves_jaxs_flags_as_they_are():
    before = dict(jax.config.values)
    fit(np.zeros((1, 17, 3)), layout="coco17", image_size=IMAGE_SIZE)
    assert jax.config.values == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to fork here")
@pytest.mark.parametrize("uses_jax_before", [True, False])
def test_a_process_forked_after_jax_is_told_and_one_forked_before_fits(uses_jax_before):
    program = (
        "import numpy as np\nfrom smplify_jax import fit\n"
        f"if {uses_jax_before}: fit(np.zeros((2, 17, 3)), layout='coco17', image_size=(640, 480))\n"
        "import multiprocessing, warnings\n"
        "warnings.simplefilter('ignore')\n"  # Python and JAX warn of forks themselves
        "def work(_):\n"
        "    try:\n"
        "        return fit(np.zeros((2, 17, 3)), layout='coco17', image_size=(640, 480)).statuses()[0].name\n"
        "    except Exception as error:\n"
        "        return f'{type(error).__name__}: {error}'\n"
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    print(pool.map(work, [0])[0])\n"
    )
    done = run(program)
    if uses_jax_before:
        assert done.stdout.startswith("InputError: This process was forked"), done.stderr
        assert "spawn" in done.stdout
    else:
        assert done.stdout.strip() == "TOO_FEW_KEYPOINTS", done.stderr
