"""A fits store that several processes write to: neither a kill nor a second writer damages a row."""

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fit_stores import NUM_ROWS, numbers, put, spin_store
from measured_people import make_measured_store

import smplify_jax
from smplify_jax.datasets.store import FitStore


@pytest.fixture
def store(tmp_path):
    return spin_store(tmp_path)[0]


@pytest.fixture
def measured(tmp_path):
    """A store that holds fits of other people, and the bodies that fit."""
    return make_measured_store(tmp_path / "measured.store", NUM_ROWS)


def _start(script, path, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(smplify_jax.__file__).parents[1])}
    command = [sys.executable, "-c", script, str(path), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


KEEP_WRITING = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store = FitStore.open(sys.argv[1])
rows = np.arange(len(store))
print("ready", flush=True)
while True:
    stored = store.get(rows)
    told = (stored.version + 1).astype(np.float32)[:, None]
    store.replace(
        rows,
        stored=stored,
        is_better=np.ones(len(rows), bool),
        pose=told.repeat(72, 1),
        betas=told.repeat(10, 1),
        transl=told.repeat(3, 1),
        quality=told[:, 0],
    )
"""


def test_a_killed_writer_leaves_every_row_old_or_new(store):
    rng = np.random.default_rng(0)
    last = np.ones(NUM_ROWS)
    for _ in range(5):
        writer = _start(KEEP_WRITING, store.path)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.kill()
        writer.communicate()
        fits = FitStore.open(store.path).get(np.arange(NUM_ROWS))
        # Every number of a row was written to equal its version.
        numbers_of_rows = np.concatenate([fits.pose, fits.betas, fits.transl, fits.quality[:, None]], axis=1)
        is_written = fits.version > 1
        assert (numbers_of_rows == fits.version[:, None])[is_written].all()
        assert (fits.version >= last).all()
        last = fits.version
    assert (last > 1).all()


COMPETE = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store, candidates = FitStore.open(sys.argv[1]), np.load(sys.argv[2])
rows = np.arange(len(store))
print("ready", flush=True)
sys.stdin.readline()
for pose in candidates["pose"]:
    store.update_if_better(rows, pose=pose, betas=candidates["betas"], transl=candidates["transl"])
    # Whoever came between, a better fit is never replaced by a worse one.
    mine = store.measure(rows, pose=pose, betas=candidates["betas"], transl=candidates["transl"])
    assert (store.get(rows).loss <= mine).all()
"""


def test_two_processes_together_keep_the_best_of_both(measured):
    store, bodies = measured
    rows, rng, losses, poses = np.arange(NUM_ROWS), np.random.default_rng(0), [store.get(np.arange(NUM_ROWS)).loss], []
    for writer in (1, 2):
        noise = rng.uniform(0, 0.3, (60, NUM_ROWS, 1)) * rng.normal(size=(60, NUM_ROWS, 72))
        pose = (bodies["pose"] + noise).astype(np.float32)
        np.savez(store.path.with_name(f"{writer}.npz"), pose=pose, betas=bodies["betas"], transl=bodies["transl"])
        losses += [store.measure(rows, pose=one, betas=bodies["betas"], transl=bodies["transl"]) for one in pose]
        poses += list(pose)
    writers = [_start(COMPETE, store.path, store.path.with_name(f"{writer}.npz")) for writer in (1, 2)]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0]
    best = np.argmin(losses, axis=0)
    assert (best > 0).all()  # of the fits that were offered
    fits = store.get(rows)
    np.testing.assert_array_equal(fits.loss, np.min(losses, axis=0))
    np.testing.assert_array_equal(fits.pose, np.stack(poses)[best - 1, rows])


def test_opening_a_store_loads_no_jax():
    code = "import sys, smplify_jax.datasets.store; sys.exit('jax' in sys.modules)"
    root = str(Path(smplify_jax.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}).returncode == 0


def test_measuring_loads_no_jax(measured):
    code = """
import sys, numpy as np
from smplify_jax.datasets.store import FitStore
store = FitStore.open(sys.argv[1])
store.update_if_better([0], pose=np.zeros((1, 72)), betas=np.zeros((1, 10)))
sys.exit('jax' in sys.modules)
"""
    process = _start(code, measured[0].path)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_store_goes_to_another_process_by_its_path(store):
    put(store, [1], numbers(1))
    other = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(other.get([1]).pose, store.get([1]).pose)
    second = numbers(1, seed=2)
    put(other, [1], second)
    np.testing.assert_array_equal(store.get([1]).pose, second["pose"])
