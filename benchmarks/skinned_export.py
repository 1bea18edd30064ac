"""What the GLB's plain skinning costs: distances of its vertices from the body's own, over poses of people.

    python -m benchmarks.skinned_export
    python -m benchmarks.skinned_export --body models/smpl/SMPL_FEMALE.pkl --json FILE

glTF has four joints a vertex and no displacements that depend on the pose. Poses are drawn from the shipped prior, which learned them from
recorded motion, and shapes at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from benchmarks.measure import print_and_write
from smplify_jax import BodyModel, load_body, load_prior
from smplify_jax.exports.glb import skin_weights

PARTS = ("left_collar", "left_shoulder", "left_hip", "left_elbow", "left_knee", "head")
"""Of those in the table; a vertex belongs to the joint that moves it most."""


@dataclass(frozen=True)
class Options:
    """Measure what plain skinning costs."""

    body: Path | None = None
    """The body's file; by default the open body."""
    people: int = 400
    json: Path | None = None
    """Also write the table here."""


def drawn_people(num_people: int, num_betas: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Parameters of people at the origin, whose root does not turn: it moves all vertices alike."""
    rng, prior = np.random.default_rng(seed), load_prior()
    shares = np.asarray(prior.weights, np.float64)
    components = rng.choice(len(shares), num_people, p=shares / shares.sum())
    means, covars = np.asarray(prior.means, np.float64), np.asarray(prior.covars, np.float64)
    pose = np.stack([rng.multivariate_normal(means[k], covars[k]) for k in components])
    zero = np.zeros((num_people, 3))
    betas = np.clip(rng.normal(size=(num_people, num_betas)), -2, 2)
    parameters = {"betas": betas, "global_orient": zero, "body_pose": pose, "transl": zero}
    return {name: values.astype(np.float32) for name, values in parameters.items()}


def four_joints(body: BodyModel) -> BodyModel:
    """The body with the skinning weights that the GLB has."""
    joints, weights = skin_weights(np.asarray(body.lbs_weights))
    dense = np.zeros(body.lbs_weights.shape, np.float32)
    np.add.at(dense, (np.arange(len(dense))[:, None], joints), weights)
    return replace(body, lbs_weights=dense)


def distances_mm(body: BodyModel, other: BodyModel, people: dict[str, np.ndarray]) -> np.ndarray:
    """(N, V) between the vertices of the same people [mm]."""
    return 1000 * np.linalg.norm(np.asarray(body.vertices(**people)) - np.asarray(other.vertices(**people)), axis=-1)


def row(left_out: str, distance: np.ndarray) -> dict[str, float | str]:
    """A line of the table, of distances (N, V) [mm]."""
    numbers = {
        "mean_mm": distance.mean(),
        "median_mm": np.median(distance),
        "quantile_95_mm": np.quantile(distance, 0.95),
        "median_of_largest_mm": np.median(distance.max(axis=1)),
        "largest_mm": distance.max(),
    }
    return {"left out": left_out, **{name: round(float(number), 3) for name, number in numbers.items()}}


def main() -> None:
    """Print the table."""
    options = tyro.cli(Options, description=__doc__)
    body = load_body(options.body) if options.body else load_body()
    people = drawn_people(options.people, body.num_betas)
    people["body_pose"] = people["body_pose"][:, : 3 * (23 if body.num_joints == 24 else 21)]
    skinned, of_parts = four_joints(body), np.asarray(body.lbs_weights).argmax(axis=1)
    exported = distances_mm(body, replace(skinned, posedirs=np.zeros_like(body.posedirs)), people)
    table = [
        row("joints beyond four", distances_mm(body, skinned, people)),
        row("these, and displacements", exported),
        *(row(f"the same, {name}", exported[:, of_parts == body.joint_names.index(name)]) for name in PARTS),
    ]
    print_and_write(table, options.json)


if __name__ == "__main__":
    main()
