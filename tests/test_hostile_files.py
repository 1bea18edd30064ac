"""Small malicious files: each gives one sentence quickly, in a separate process, which a crash would end."""

import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = Path(__file__).parent / "data" / "hostile"

_READ = """
import resource
import sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from smplify_jax import {reader}
from smplify_jax.errors import InputError
try:
    {reader}(sys.argv[1])
except InputError as error:
    print(error)
    sys.exit(3)
"""

SECONDS = 60
"""For imports on a busy machine; what such files once asked for took minutes or never ended."""


def reads(reader, name):
    program = [sys.executable, "-c", _READ.format(reader=reader), str(HOSTILE / name)]
    return subprocess.run(program, capture_output=True, text=True, timeout=SECONDS)


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        ("load_body", "sparse_oob_body.pkl"),
        ("load_body", "sparse_oob.npz"),
        ("load_prior", "sparse_oob_prior.pkl"),
    ],
)
def test_a_hostile_file_is_one_sentence(reader, name):
    done = reads(reader, name)
    assert done.returncode == 3, done.stderr
    assert name in done.stdout
    assert done.stdout.count("\n") == 1
