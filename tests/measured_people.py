"""Synthetic rows whose fits can be measured: bodies in front of SPIN's camera, and their keypoints in pictures."""

from functools import lru_cache

import numpy as np
from dataset_fits import load_body
from scipy.spatial.transform import Rotation

from smplify_jax.datasets.fit_loss import FitLoss
from smplify_jax.datasets.store_sources import SPIN_FOCAL_SIDES, store_from_arrays


@lru_cache(maxsize=1)
def fit_loss():
    return FitLoss.of(load_body())


def draw_bodies(num_people, seed=0):
    """Poses, shapes and translations of people about as tall as their crops."""
    rng = np.random.default_rng(seed)
    pose = rng.normal(0, 0.2, (num_people, 72))
    pose[:, :3] = (
        Rotation.from_rotvec([np.pi, 0, 0]) * Rotation.from_rotvec(rng.normal(0, 0.4, (num_people, 3)))
    ).as_rotvec()
    return {
        "pose": pose.astype(np.float32),
        "betas": rng.normal(size=(num_people, 10)).astype(np.float32),
        "transl": rng.uniform([-0.2, -0.2, 40.0], [0.2, 0.2, 50.0], (num_people, 3)).astype(np.float32),
    }


def draw_crops(num_people, seed=0):
    """Centres and sides [px] in pictures."""
    rng = np.random.default_rng(100 + seed)
    return {"crop_center": rng.uniform(100, 500, (num_people, 2)), "crop_side": rng.uniform(100, 400, num_people)}


def in_pictures(bodies, crops, focal_sides=SPIN_FOCAL_SIDES):
    """(N, 49, 3) keypoints [px], confidence one: what the crops' cameras see, put where the crops lie."""
    points = fit_loss().points.at(bodies["pose"], bodies["betas"]) + bodies["transl"][:, None]
    focal_length = (focal_sides * crops["crop_side"])[:, None, None]
    xy = focal_length * points[..., :2] / points[..., 2:] + crops["crop_center"][:, None]
    return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)


def make_measured_store(path, num_rows, seed=0, stored=None):
    """A store of people whose own bodies fit exactly; what it holds is `stored`, or bodies of others. Returns the bodies, too."""
    bodies, crops = draw_bodies(num_rows, seed), draw_crops(num_rows, seed)
    held = draw_bodies(num_rows, seed + 1) if stored is None else stored
    store = store_from_arrays(
        path,
        load_body(),
        pose=held["pose"],
        betas=held["betas"],
        keypoints=in_pictures(bodies, crops),
        focal_length=SPIN_FOCAL_SIDES,
        **crops,
    )
    return store, bodies
