"""Train the proposal network: `python -m smplify_jax.learn.proposal FOLDER --out FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from smplify_jax.body.load import load_body
from smplify_jax.learn.balance import Balance
from smplify_jax.learn.command import run
from smplify_jax.learn.mocap.poses import load_poses
from smplify_jax.learn.pose_prior import TRAINING_SOURCES
from smplify_jax.learn.proposal.pose_bank import PoseBank
from smplify_jax.learn.proposal.train import Training, train
from smplify_jax.learn.rare_poses import rare_poses
from smplify_jax.proposal.load import load_proposal_network, save_proposal_network
from smplify_jax.proposal.network import NUM_BETAS

MAX_FRAMES_PER_CLIP = 400
NUM_FAMILY_POSES = 6500
_TRAINING = Training()


def main(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    body: Path | None = None,
    report: Path | None = None,
    start: Path | None = None,
    training: Training = _TRAINING,
) -> None:
    """Train the proposal network on synthetic people in recorded poses.

    Args:
        folder: Motion clips and their manifest.csv; the train split is used.
        out: The .npz to write.
        body: A body file; the open body by default.
        report: Write the loss during training there, as JSON.
        start: A network to go on from, in place of random weights.
        training: How to train.
    """
    poses = load_poses(
        folder, split="train", max_frames_per_clip=MAX_FRAMES_PER_CLIP, seed=training.seed, sources=TRAINING_SOURCES
    )
    model = load_body(body, num_betas=NUM_BETAS)
    bank = PoseBank.of(poses, rare_poses(model, "train", NUM_FAMILY_POSES, training.seed), Balance())
    print(f"{len(poses)} poses of {len(set(poses.subjects))} actors", file=sys.stderr)
    history = []
    with tqdm(total=training.num_steps, unit="step", file=sys.stderr) as bar:

        def record(step: int, parts: dict[str, float]) -> None:
            bar.update(step - bar.n)
            bar.set_postfix_str(", ".join(f"{name} {value:.4g}" for name, value in parts.items()))
            history.append({"step": step} | parts)

        network = train(bank, model, training, record, None if start is None else load_proposal_network(start))
    save_proposal_network(out, network)
    if report is not None:
        report.write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
