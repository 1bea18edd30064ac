"""Files of our own kinds, changed array by array: each loads with finite numbers, or is one sentence."""

import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from dataset_fits import draw_fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smplify_jax import FitResult, FitStatus, load_body, load_prior, save_body
from smplify_jax.body.capsule_files import load_capsules
from smplify_jax.body.open_body import CAPSULES_PATHS, OPEN_BODY_PATH, load_open_body, read_open_body
from smplify_jax.datasets.store import FitStore
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays, store_from_spin
from smplify_jax.errors import InputError
from smplify_jax.prior import load as prior_files
from smplify_jax.proposal import load as proposal_files
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.quality import score as quality_files
from smplify_jax.quality.score import load_quality_model

NUM_EXAMPLES = 60
"""Of each loader: the open body takes 20 ms."""


def shipped(module, name=None):
    from importlib import resources

    return resources.files(module.__package__).joinpath(name or module.SHIPPED)


def arrays_of(path):
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def set_first(value):
    def change(array):
        array = np.array(array)
        if array.size and array.dtype.kind in "biuf":
            with np.errstate(all="ignore"):
                array.reshape(-1)[0] = np.asarray(value).astype(array.dtype)
        return array

    return change


CHANGES = {
    "NaN": lambda a: set_first(np.nan)(a.astype(np.float32) if a.dtype.kind in "iu" else a),
    "infinite": lambda a: set_first(np.inf)(a.astype(np.float64) if a.dtype.kind in "iu" else a),
    "all huge": lambda a: np.full(a.shape, 1e300),
    "all zero": np.zeros_like,
    "negative": set_first(-1),
    "large": lambda a: set_first(2**40)(a.astype(np.int64) if a.dtype.kind in "iu" else a),
    "64 bits": lambda a: np.full(a.shape, 2**63, np.uint64),
    "text": lambda a: np.full(a.shape, "1.5"),
    "bytes": lambda a: np.full(a.shape, b"\xff"),
    "complex": lambda a: a.astype(np.complex64) if a.dtype.kind in "biuf" else a,
    "boolean": lambda a: np.ones(a.shape, bool),
    "objects": lambda a: np.full(a.shape, None, object),
    "a dict": lambda a: np.array({"a": 1}, object),
    "a number": lambda a: np.array(1.0),
    "empty": lambda a: a[:0] if a.ndim else np.zeros(0, a.dtype),
    "shorter": lambda a: a[:-1] if a.ndim else a,
    "longer": lambda a: np.concatenate([a, a[:1]]) if a.ndim else np.stack([a, a]),
    "another axis": lambda a: a[None],
    "transposed": lambda a: a.T,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "half as precise": lambda a: a.astype(np.float16) if a.dtype.kind == "f" else a,
}

changes_of_arrays = st.lists(
    st.tuples(st.integers(0, 100), st.sampled_from([*CHANGES, "missing"])), min_size=1, max_size=3
)
changes_of_bytes = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)

bounded = settings(max_examples=NUM_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def write_changed(path, arrays, changes):
    arrays, names = dict(arrays), sorted(arrays)
    for place, change in changes:
        name = names[place % len(names)]
        if change == "missing":
            arrays.pop(name, None)
        elif name in arrays:
            with np.errstate(all="ignore"):
                arrays[name] = CHANGES[change](arrays[name])
    np.savez(path, **arrays)


def check_finite(value):
    arrays = [np.asarray(array) for array in vars(value).values() if hasattr(array, "dtype")]
    assert arrays
    assert all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")


def check_loads(load, path):
    """Loads with finite numbers, or says in a sentence that names the file why not."""
    try:
        check_finite(load(path))
    except InputError as error:
        assert path.name in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017


BODY = load_body(num_betas=2)
LOADERS = {
    "prior": (load_prior, arrays_of(shipped(prior_files))),
    "open body": (lambda path: load_open_body(path=path), arrays_of(OPEN_BODY_PATH)),
    "capsules": (lambda path: load_capsules(path, BODY), arrays_of(CAPSULES_PATHS["neutral"])),
    "proposal": (load_proposal_network, arrays_of(shipped(proposal_files))),
    "quality": (load_quality_model, arrays_of(shipped(quality_files, quality_files.SHIPPED["pictures"]))),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("loaders")


@pytest.mark.parametrize("kind", LOADERS)
@bounded
@given(changes=changes_of_arrays)
def test_a_changed_file_loads_with_finite_numbers_or_is_a_sentence(folder, kind, changes):
    load, arrays = LOADERS[kind]
    quality_files.load_quality_model.cache_clear()
    path = folder / f"{kind}.npz"
    write_changed(path, arrays, changes)
    check_loads(load, path)


@pytest.mark.parametrize("kind", LOADERS)
def test_an_unchanged_file_loads(folder, kind):
    load, arrays = LOADERS[kind]
    path = folder / f"unchanged {kind}.npz"
    write_changed(path, arrays, [])
    check_finite(load(path))


@pytest.fixture(scope="module")
def body_arrays(folder):
    save_body(folder / "body.npz", BODY)
    return arrays_of(folder / "body.npz")


@bounded
@given(changes=changes_of_arrays)
def test_a_changed_body_loads_with_finite_numbers_or_is_a_sentence(folder, body_arrays, changes):
    path = folder / "SMPL.npz"
    write_changed(path, body_arrays, changes)
    check_loads(lambda path: load_body(path, num_betas=1), path)


@bounded
@given(changes=changes_of_arrays)
def test_a_changed_pickled_prior_loads_with_finite_numbers_or_is_a_sentence(folder, changes):
    path = folder / "changed.npz"
    write_changed(path, LOADERS["prior"][1], changes)
    with zipfile.ZipFile(path), np.load(path, allow_pickle=True) as archive:
        content = {name: archive[name].tolist() for name in archive.files}
    path.with_suffix(".pkl").write_bytes(pickle.dumps(content, 2))
    check_loads(load_prior, path.with_suffix(".pkl"))


@pytest.fixture(scope="module")
def result_arrays():
    return draw_fits(3, num_failed=1)[1].arrays()


@bounded
@given(changes=changes_of_arrays)
def test_a_changed_result_loads_with_finite_bodies_or_is_a_sentence(folder, result_arrays, changes):
    path = folder / "result.npz"
    write_changed(path, result_arrays, changes)
    try:
        result = FitResult.load(path)
    except InputError as error:
        assert path.name in str(error)  # noqa: PT017
    else:
        usable = [FitStatus(code).is_usable for code in np.atleast_1d(result.status).tolist()]
        assert np.isfinite(np.atleast_2d(result.body_pose)[usable]).all()
        assert np.isfinite(np.atleast_2d(result.betas)[usable]).all()


@pytest.fixture(scope="module")
def stores(folder):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(100, 300, (3, 49, 3))
    keypoints[..., 2] = 1
    store_from_arrays(
        folder / "store",
        load_body(),
        pose=np.zeros((3, 72)),
        betas=np.zeros((3, 10)),
        keypoints=keypoints,
        crop_center=np.full((3, 2), 200.0),
        crop_side=np.full(3, 300.0),
        focal_length=SPIN_FOCAL_SIDES,
    )
    return (folder / "store").read_bytes()


@bounded
@given(changes=changes_of_bytes, fraction=st.floats(0.5, 1) | st.just(1.0))
def test_a_damaged_store_opens_or_is_a_sentence(folder, stores, changes, fraction):
    data = bytearray(stores)
    for place, byte in changes:
        data[int(place * place * len(data))] = byte  # at the head, most of them
    path = folder / "damaged_store"
    path.write_bytes(data[: int(fraction * len(data))])
    try:
        store = FitStore.open(path)
        assert len(store) == 3
        assert np.isfinite(store.rest_pelvis.template).all()
    except InputError as error:
        assert path.name in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "fits",
    [np.full((2, 82), np.nan), np.full((2, 82), 1e300), np.zeros((2, 81)), np.full((2, 82), "a"), np.zeros(2, object)],
)
def test_fits_of_spin_that_are_none_are_a_sentence(tmp_path, fits):
    np.save(tmp_path / "coco_fits.npy", fits, allow_pickle=True)
    with pytest.raises(InputError, match=r"coco_fits\.npy"):
        store_from_spin(tmp_path / "store", tmp_path / "coco_fits.npy", BODY)


@pytest.mark.parametrize("name", ["means", "covars", "weights"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e300])
def test_priors_that_are_not_finite_are_refused(tmp_path, name, value):
    arrays = dict(LOADERS["prior"][1])
    arrays[name] = np.full(arrays[name].shape, value)
    np.savez(tmp_path / "prior.npz", **arrays)
    with pytest.raises(InputError, match=r"prior\.npz"):
        load_prior(tmp_path / "prior.npz")


def test_an_open_body_whose_faces_name_no_vertex_is_refused(tmp_path):
    arrays = arrays_of(OPEN_BODY_PATH)
    arrays["faces"] = np.full_like(arrays["faces"], 60_000)
    np.savez(tmp_path / "body.npz", **arrays)
    with pytest.raises(InputError, match=r"body\.npz: is damaged \(ValueError: 'faces' holds numbers from 60000"):
        read_open_body(tmp_path / "body.npz")


def test_an_open_body_of_a_version_that_does_not_exist_is_refused(tmp_path):
    arrays = arrays_of(OPEN_BODY_PATH)
    for version in ("neuter", 1):
        arrays["version"] = np.array(version)
        np.savez(tmp_path / "body.npz", **arrays)
        with pytest.raises(
            InputError,
            match=r"body\.npz: is damaged \(ValueError: 'version' is not one of neutral, female, male, all_ages",
        ):
            read_open_body(tmp_path / "body.npz")


def test_a_network_whose_scales_do_not_fit_is_refused_before_they_are_multiplied(tmp_path):
    arrays = dict(LOADERS["proposal"][1])
    arrays["proposing_inner_0"] = arrays["proposing_inner_0"].reshape(-1, 1)  # times 640 scales: a gigabyte
    np.savez(tmp_path / "network.npz", **arrays)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"network\.npz: is damaged .*'inner_0' has shape"):
        load_proposal_network(tmp_path / "network.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
