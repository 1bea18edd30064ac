"""Tables, curves and sheets of pictures with the predicted bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from examples.trainers.bodies import Estimate
from examples.trainers.evaluation import Network, predict
from examples.trainers.rendering import FOCAL_SIDES
from examples.trainers.setting import Data, Options, Trained, table_of
from smplify_jax.body.model import BodyModel
from smplify_jax.pictures.raycast import render
from smplify_jax.rotations import matrix_to_axis_angle

_ZOOM_SIZE, _SMOOTHED = 128, 50


def report(name: str, runs: Mapping[str, list[Trained]], source: str, options: Options) -> None:
    """Print the table, and save it with numbers and curves in options.out."""
    repeats = len(next(iter(runs.values())))
    seeds = "one training of each" if repeats == 1 else f"mean and standard deviation of {repeats} trainings"
    table = f"{name}: {seeds}; {source}.\n\n{table_of(runs)}\n"
    print("\n" + table)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"{name}.md").write_text(table, encoding="utf-8")
    numbers = {
        variant: [{**one.errors, "seconds": one.seconds, **one.extras} for one in ones]
        for variant, ones in runs.items()
    }
    (options.out / f"{name}.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    save_curves(
        options.out / f"{name}_curves.png",
        {variant: [one.losses for one in ones] for variant, ones in runs.items() if ones[0].losses},
    )


def save_curves(
    path: Path, losses: Mapping[str, Sequence[Sequence[float]]], *, ylabel: str = "loss", xlabel: str = "step"
) -> None:
    """A curve for each training, in its variant's colour; losses of steps are averaged over some."""
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    for color, (name, curves) in zip(mpl.color_sequences["tab10"], losses.items(), strict=False):
        for number, curve in enumerate(curves):
            width = _SMOOTHED if len(curve) > 4 * _SMOOTHED else 1
            smooth = np.convolve(curve, np.ones(width) / width, "valid")
            axes.plot(np.arange(len(smooth)) + width, smooth, color=color, label=None if number else name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if min(min(curve) for curves in losses.values() for curve in curves if len(curve)) > 0 and ylabel == "loss":
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def save_sheet(
    path: Path, networks: Mapping[str, Network], data: Data, num_rendered: int = 8, num_real: int = 4
) -> None:
    """A column for each picture: the picture, and below it the bodies that the networks see there."""
    images = data.test.images[np.linspace(0, len(data.test) - 1, num_rendered).astype(int)]
    if data.real is not None:
        chosen = np.linspace(0, len(data.real.images) - 1, num_real).astype(int)
        images = np.concatenate([images, data.real.images[chosen]])
    bodies = [predict(network, images) for network in networks.values()]
    save_bodies(path, images, bodies, data.body)


def save_bodies(path: Path, images: np.ndarray, estimates: Sequence[Estimate], body: BodyModel) -> None:
    """Rows of bodies over N pictures, below the pictures themselves."""
    big = [
        np.asarray(Image.fromarray(one).resize((_ZOOM_SIZE, _ZOOM_SIZE), Image.Resampling.BICUBIC)) for one in images
    ]
    rows = [np.concatenate(big, axis=1)]
    rows += [np.concatenate(_laid_over(big, estimate, body), axis=1) for estimate in estimates]
    Image.fromarray(np.concatenate(rows)).save(path)


def _laid_over(pictures: Sequence[np.ndarray], estimate: Estimate, body: BodyModel) -> list[np.ndarray]:
    vectors = np.asarray(matrix_to_axis_angle(estimate.rotations)).reshape(-1, 72)
    vertices = np.asarray(
        body.vertices(
            global_orient=vectors[:, :3], body_pose=vectors[:, 3:], betas=estimate.betas, transl=estimate.transl
        )
    )
    drawn = []
    for picture, seen in zip(pictures, vertices, strict=True):
        focal, center = np.full(2, FOCAL_SIDES * _ZOOM_SIZE), np.full(2, _ZOOM_SIZE / 2)
        person = render(seen, np.asarray(body.faces), focal, center, (_ZOOM_SIZE, _ZOOM_SIZE), (120, 170, 230)).astype(
            float
        )
        alpha = 0.9 * person[..., 3:] / 255
        drawn.append((alpha * person[..., :3] + (1 - alpha) * (0.5 * picture + 60)).astype(np.uint8))
    return drawn
