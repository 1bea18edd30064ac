"""People sharded over devices: the cores of a CPU, in a process of its own because devices are chosen before JAX is used."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from dataset_jobs import write_tracks
from moving_people import draw_track
from people import IMAGE_SIZE, draw_people

from smplify_jax import InputError, fit, fit_sequence, use_all_cores

NUM_PEOPLE = 5
SHARDED_FITS = """
import sys
import jax, numpy as np
from smplify_jax import fit, use_all_cores
use_all_cores(2)
assert len(jax.devices("cpu")) == 2
given = np.load(sys.argv[1])
size = tuple(given["image_size"])
options = {"layout": "coco17", "image_size": size, "camera": given["focal_length"], "devices": jax.devices("cpu")}
for _ in range(int(sys.argv[3])):
    result = fit(given["keypoints"], **options)
    np.asarray(result.joints)
one = fit(given["keypoints"][0], **{**options, "camera": given["focal_length"][0]})
assert one.joints.shape == result.joints.shape[1:]
np.savez(sys.argv[2], **{n: getattr(result, n) for n in ("joints", "joints_std", "betas", "cost", "quality", "status", "num_steps")})
"""


def run_python(code: str, *arguments: str, **variables: str) -> str:
    # The flags of other tests' processes say how many devices there are.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_fits_spread_over_cores_are_those_of_one_device(tmp_path: Path):
    people = draw_people(NUM_PEOPLE, "coco17")
    alone = fit(people.keypoints, layout="coco17", image_size=IMAGE_SIZE, camera=people.focal_length)
    given = {"keypoints": people.keypoints, "focal_length": people.focal_length, "image_size": IMAGE_SIZE}
    np.savez(tmp_path / "given.npz", **given)
    # Many calls: threads that wait for each other would only do so in some.
    run_python(SHARDED_FITS, str(tmp_path / "given.npz"), str(tmp_path / "sharded.npz"), "50")
    with np.load(tmp_path / "sharded.npz") as sharded:
        assert sharded["joints"].shape == (NUM_PEOPLE, 24, 3)
        np.testing.assert_array_equal(sharded["status"], alone.status)
        np.testing.assert_allclose(sharded["joints"], alone.joints, atol=2e-3)
        np.testing.assert_allclose(sharded["cost"], alone.cost, rtol=1e-3)
        np.testing.assert_allclose(sharded["quality"], alone.quality, atol=1e-2)
        np.testing.assert_allclose(sharded["joints_std"], alone.joints_std, rtol=2e-2)


COUNT = "import jax, os; from smplify_jax import use_all_cores; use_all_cores(); print(len(jax.devices('cpu')), os.environ.get('NPROC'))"


def test_as_many_devices_as_cores_that_may_be_used():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = run_python(f"import os; os.environ.pop('NPROC', None); {COUNT}").split()[0]
    assert int(count) == cores


@pytest.mark.parametrize(("setting", "expected"), [("1", "1 1"), ("3", "3 3")])
def test_the_environment_says_how_many_cores(setting, expected):
    assert run_python(COUNT, NPROC=setting) == expected


def test_more_threads_than_cores_may_be_asked_for():
    assert run_python(COUNT.replace("cores()", "cores(threads_per_core=2)"), NPROC="3") == "3 6"


@pytest.mark.parametrize("options", [{"num_cores": 0}, {"threads_per_core": 0}])
def test_numbers_below_one_are_refused(options):
    with pytest.raises(InputError, match=rf"{next(iter(options))} is 0: give at least 1"):
        use_all_cores(**options)


def test_once_jax_is_in_use_it_is_too_late():
    jax.devices()
    with pytest.raises(InputError, match="call use_all_cores first"):
        use_all_cores(2)


@pytest.mark.parametrize("devices", [[], "twice"])
def test_unusable_devices_are_refused_in_one_sentence(devices):
    devices = [jax.devices()[0]] * 2 if devices == "twice" else devices
    with pytest.raises(InputError, match="distinct devices of one kind"):
        fit(np.ones((17, 3)), layout="coco17", image_size=IMAGE_SIZE, devices=devices)


COMPANY = """
import numpy as np
from smplify_jax import use_all_cores
use_all_cores(2)
from company import NUM_PEOPLE, assert_same, draw_rows
from smplify_jax.datasets.job.fitter import PeopleFitter
rows, fitter = draw_rows(), PeopleFitter(uses_all_devices=True)
whole, rng = fitter.fit(rows), np.random.default_rng(0)
for count in (3, 131, 290):
    order = rng.permutation(NUM_PEOPLE)[:count]
    assert_same(fitter.fit([rows[k] for k in order]), whole[order])
"""


def test_a_person_is_fitted_the_same_to_the_bit_in_random_company_on_two_cores():
    run_python(COMPANY)


TRACKS_ON_TWO_CORES = """
import sys
import jax, numpy as np
from smplify_jax import fit_sequence, use_all_cores
use_all_cores(2)
given = np.load(sys.argv[1])
seen = {"layout": "coco17", "image_size": tuple(given["image_size"]), "times": given["times"], "camera": float(given["focal_length"])}
result = fit_sequence(np.stack([given["keypoints"]] * 3), **seen, devices=jax.devices("cpu"))
np.savez(sys.argv[2], joints=result.joints, status=result.status)
"""


COMPANY_OF_TRACKS = """
import sys
import numpy as np
from smplify_jax import use_all_cores
use_all_cores(2)
from company import assert_same
from smplify_jax.datasets.job.track_fitter import TrackFitter
from smplify_jax.datasets.job.tracks import TrackChoices, track_units
from smplify_jax.datasets.read import read_dataset
tracks = list(track_units(read_dataset(sys.argv[1]), TrackChoices(), print))
fitter = TrackFitter(uses_all_devices=True)
together, first = fitter.fit([row for unit in tracks for row in unit]), 0
for unit in tracks:
    assert_same(fitter.fit(unit), together[first : first + len(unit)])
    first += len(unit)
"""


def test_a_track_is_fitted_the_same_to_the_bit_in_any_company_on_two_cores(tmp_path: Path):
    run_python(COMPANY_OF_TRACKS, str(write_tracks(tmp_path / "walk.npz", lengths=[9, 5, 12], gap=40)))


def test_tracks_dealt_out_to_cores_are_those_of_one_device(tmp_path: Path):
    track = draw_track(12, seed=3, noise=0.01)
    alone = fit_sequence(**track.as_seen())
    given = {"keypoints": track.keypoints, "times": track.times, "focal_length": track.focal_length}
    np.savez(tmp_path / "given.npz", **given, image_size=IMAGE_SIZE)
    run_python(TRACKS_ON_TWO_CORES, str(tmp_path / "given.npz"), str(tmp_path / "dealt.npz"))
    with np.load(tmp_path / "dealt.npz") as dealt:
        np.testing.assert_array_equal(dealt["status"], [alone.status] * 3)
        # Another number of threads rounds otherwise; which core a track is given makes no difference.
        np.testing.assert_allclose(dealt["joints"][0], alone.joints, atol=2e-3)
        np.testing.assert_array_equal(dealt["joints"][1], dealt["joints"][0])
