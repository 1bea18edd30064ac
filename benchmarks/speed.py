"""How fast fits are: `python -m benchmarks.speed [--json FILE]`. Needs no data but what is shipped.

People are drawn from the shipped prior and seen with detection noise of 2 % of their height, so that the solver works as it does on
real detections. Compilation is timed apart; a run is the median of several, each waited for.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import jax
import numpy as np
import tyro

from benchmarks.measure import print_table, write_json
from smplify_jax import fit, get_layout, load_body, load_prior
from smplify_jax.learn.people import Detector, detect

NUM_RUNS = 5


@dataclass(frozen=True)
class Options:
    """Measure fits per second."""

    layouts: tuple[str, ...] = ("coco17", "openpose25")
    batches: tuple[int, ...] = (1, 64, 1024)
    json: Path | None = None
    """Write the table here too."""


def draw_keypoints(layout: str, num_people: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy keypoints (N, K, 3) in pictures of 1280 x 960, and the focal lengths (N,) [px]."""
    generator = np.random.default_rng(0)
    prior, body = load_prior(), load_body()
    shares = np.asarray(prior.weights, float)
    component = generator.choice(len(shares), num_people, p=shares / shares.sum())
    factor = np.linalg.cholesky(np.asarray(prior.covars, float))[component]
    pose = prior.means[component] + np.einsum("nij,nj->ni", factor, generator.normal(size=(num_people, 69)))
    focal_length = generator.uniform(1100, 3200, num_people)
    height_px = generator.uniform(200, 800, num_people)
    half_yaw = generator.uniform(0, np.pi, num_people)
    # exp((pi, 0, 0)) followed by nothing but a yaw is a half turn about an axis in the x-z plane.
    orient = np.pi * np.column_stack([np.cos(half_yaw), 0 * half_yaw, np.sin(half_yaw)])
    points = np.asarray(
        body.keypoints(
            betas=generator.normal(size=(num_people, 10)),
            global_orient=orient,
            body_pose=pose,
            transl=np.column_stack([np.zeros((num_people, 2)), 1.7 * focal_length / height_px]),
            layout=layout,
        )
    )
    pixels = focal_length[:, None, None] * points[..., :2] / points[..., 2:] + [640, 480]
    return detect(pixels, height_px, get_layout(layout), Detector(), generator), focal_length


def run(options: Options) -> list[dict]:
    """One row per layout and batch size."""
    rows = []
    for layout in options.layouts:
        for batch in options.batches:
            keypoints, focal_length = draw_keypoints(layout, batch)

            def once(
                keypoints: np.ndarray = keypoints, focal_length: np.ndarray = focal_length, layout: str = layout
            ) -> float:
                start = time.perf_counter()
                result = fit(keypoints, layout=layout, image_size=(1280, 960), camera=focal_length)
                jax.block_until_ready(result.joints)
                return time.perf_counter() - start

            first = once()
            seconds = median(once() for _ in range(NUM_RUNS))
            rows.append(
                {
                    "layout": layout,
                    "batch": batch,
                    "fits_per_second": batch / seconds,
                    "ms_per_batch": 1000 * seconds,
                    "compile_s": first - seconds,
                }
            )
    return rows


if __name__ == "__main__":
    chosen = tyro.cli(Options)
    table = run(chosen)
    print(f"{platform.processor() or platform.machine()}, {jax.devices()[0].device_kind}, jax {jax.__version__}")
    print_table(table)
    if chosen.json is not None:
        write_json(chosen.json, table)
