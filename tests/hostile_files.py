"""Read small files made to do harm in a process that a crash would take down, with its time and memory checked."""

import json
import subprocess
import sys

from smplify_jax.keypoints.rows import RejectedRow

_READ = """
import resource
import sys
import time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from smplify_jax import load_body, load_keypoints, load_prior
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.files.images import read_image_size
from smplify_jax.keypoints.read import read_rows
from smplify_jax.keypoints.rows import RejectedRow
require_arrow()

def rows(path):
    for row in read_rows(path):
        print(f"rejected: {row.sentence}" if isinstance(row, RejectedRow) else "person")

def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before, start, code = memory(), time.process_time(), 0
try:
    READER(sys.argv[1])
except InputError as error:
    print(error)
    code = 3
print(time.process_time() - start, (memory() - before) / 1024, file=sys.stderr)
sys.exit(code)
"""

SECONDS, MEGABYTES = 2.0, 300.0
"""What reading may take, imports left out; seconds of a processor, as others may keep the machine busy."""

PROCESS_SECONDS = 60
"""For imports on a busy machine; what such files once asked for took minutes or never ended."""


def reads(reader, path):
    """What a reader in a process of its own prints, and whether it ends in a sentence; its time and memory are checked."""
    program = [sys.executable, "-c", _READ.replace("READER", reader), str(path)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=PROCESS_SECONDS)
    assert done.returncode in (0, 3), done.stderr
    seconds, megabytes = map(float, done.stderr.split()[-2:])
    assert seconds < SECONDS
    assert megabytes < MEGABYTES
    return done.stdout.splitlines(), done.returncode == 3


def reasons(rows):
    """Why the rejected among some rows are."""
    return [row.reason for row in rows if isinstance(row, RejectedRow)]


def coco(ids):
    """COCO's JSON with a picture and a person for each id."""
    images = [{"id": k, "file_name": f"{n}.jpg"} for n, k in enumerate(ids)]
    people = [{"id": n, "image_id": k, "keypoints": [100, 100, 2] * 17} for n, k in enumerate(ids)]
    return json.dumps({"images": images, "annotations": people})
