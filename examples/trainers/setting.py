"""What the three systems have in common: their options, their data, and repeats of every variant."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from examples.trainers.bodies import Estimate, TrainedBody
from examples.trainers.dataset import Pictures, RealCrops, cached_pictures, load_real_crops
from examples.trainers.evaluation import true_estimate
from smplify_jax import load_body
from smplify_jax.body.model import BodyModel

TEST_SEED = 1000


@dataclass(frozen=True)
class Options:
    """How to train.

    Attributes:
        motion_folder: recorded motions, see smplify_jax.learn.mocap.clips.find_clips; without, poses come from the shipped prior.
        real_folder: contains coco/*.json with annotated keypoints and coco/images; without, no photographs are looked at.
        out: where pictures, tables, curves and sheets go.
        num_train: pictures to train on.
        num_test: pictures of other actors.
        num_encoders: encoders from different seeds, which the repeats take in turn; all variants of a seed share one, see `backbone`.
        num_encoder_steps: of each of them.
        versions: augmented versions of every picture that variants train on.
        num_steps: of every training of a variant.
        batch_size: pictures a step.
        learning_rate: at the start; it falls to zero.
        repeats: trainings of every variant, from different seeds.
    """

    motion_folder: Path | None = None
    real_folder: Path | None = None
    out: Path = Path("trained")
    num_train: int = 4000
    num_test: int = 400
    num_encoders: int = 1
    num_encoder_steps: int = 3000
    versions: int = 4
    num_steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 5e-4
    repeats: int = 3


@dataclass(frozen=True)
class Data:
    """What every system trains and is measured on.

    Attributes:
        body: rendered, fitted and predicted.
        trained: its parts that losses need.
        train: pictures of the train split.
        truth: their bodies.
        test: pictures of other actors.
        real: photographs, if any.
        name: of the pictures, for files.
        backbones: the encoders that have been trained, by seed.
    """

    body: BodyModel
    trained: TrainedBody
    train: Pictures
    truth: Estimate
    test: Pictures
    real: RealCrops | None
    name: str = "few"
    backbones: dict[int, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Whom the numbers are of, for tables."""
        trained = f"trained on {len(self.train)} pictures, poses of {self.train.source}"
        return f"{trained}; measured on {len(self.test)}, of {self.test.source}"


def load_data(options: Options) -> Data:
    """Render the pictures, or read them where an earlier run has rendered them."""
    body = load_body(num_betas=10)
    given = {"motion_folder": options.motion_folder, "body": body}
    kind = "recorded" if options.motion_folder else "prior"
    folder = options.out / "pictures"
    train = cached_pictures(
        folder, f"train-{kind}-{options.num_train}", split="train", count=options.num_train, seed=0, **given
    )
    test = cached_pictures(
        folder, f"test-{kind}-{options.num_test}", split="val", count=options.num_test, seed=TEST_SEED, **given
    )
    real = load_real_crops(options.real_folder) if options.real_folder else None
    return Data(body, TrainedBody.of(body), train, true_estimate(train), test, real, f"{kind}-{options.num_train}")


@dataclass
class Trained:
    """One training of a variant.

    Attributes:
        network: the trained network.
        errors: on the test sets.
        losses: of every step.
        seconds: that it took, evaluation included.
        extras: what a system tells besides.
    """

    network: Any
    errors: dict[str, float]
    losses: list[float]
    seconds: float = 0.0
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def error_mm(self) -> float:
        """PA-MPJPE."""
        return self.errors["PA-MPJPE [mm]"]


def train_all(variants: Mapping[str, Callable[[int], Trained]], repeats: int) -> dict[str, list[Trained]]:
    """Train every variant once for each seed, and say how each went."""
    runs: dict[str, list[Trained]] = {name: [] for name in variants}
    for seed in range(repeats):
        for name, train in variants.items():
            start = time.perf_counter()
            one = train(seed)
            one.seconds = time.perf_counter() - start
            runs[name].append(one)
            errors = ", ".join(f"{key} {value:.1f}" for key, value in one.errors.items())
            print(f"seed {seed}, {name}: {errors} ({one.seconds:.0f} s)", flush=True)
    return runs


def table_of(runs: Mapping[str, list[Trained]]) -> str:
    """Mean and standard deviation over the repeats, in Markdown."""
    columns = list(dict.fromkeys(key for ones in runs.values() for one in ones for key in one.errors))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, ones in runs.items():
        cells = [_cell([one.errors[column] for one in ones if column in one.errors]) for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[float]) -> str:
    if not values:
        return ""
    return f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")
