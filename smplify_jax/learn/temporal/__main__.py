"""Train the temporal network: `python -m smplify_jax.learn.temporal FOLDER --out FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro
from tqdm import tqdm

from smplify_jax.body.load import load_body
from smplify_jax.learn.command import run
from smplify_jax.learn.temporal.examples import CHUNK, all_slots_body, draw_examples
from smplify_jax.learn.temporal.motions import MotionBank
from smplify_jax.learn.temporal.train import STEPS_PER_REPORT, TemporalTraining, train
from smplify_jax.proposal.load import load_proposal_network
from smplify_jax.proposal.network import NUM_BETAS
from smplify_jax.proposal.temporal_load import save_temporal_network

_TRAINING = TemporalTraining()


def main(
    folder: Annotated[Path, tyro.conf.Positional],
    out: Path,
    body: Path | None = None,
    proposal: Path | None = None,
    report: Path | None = None,
    training: TemporalTraining = _TRAINING,
) -> None:
    """Train the temporal network on synthetic videos of people in recorded motions.

    Args:
        folder: Motion clips and their manifest.csv; the train split is used.
        out: The .npz to write.
        body: A body file; the open body by default.
        proposal: The network for one frame whose proposals it learns to refine; the one included by default.
        report: Write the loss during training there, as JSON.
        training: How to train.
    """
    model, network = load_body(body, num_betas=NUM_BETAS), load_proposal_network(proposal)
    bank = MotionBank.load(folder)
    duration = sum(recording.duration for recording in bank.recordings)
    print(f"{len(bank.recordings)} recordings, {duration / 60:.0f} minutes", file=sys.stderr)
    drawn = draw_examples(bank, model, network, training.num_frames, training.num_examples, training.seed)
    chunks = list(tqdm(drawn, total=-(-training.num_examples // CHUNK), unit="chunk", file=sys.stderr))
    examples = jax.tree.map(lambda *leaves: np.concatenate(leaves), *chunks)
    history = []
    with tqdm(total=training.num_steps, unit="step", file=sys.stderr) as bar:

        def record(step: int, parts: dict[str, float]) -> None:
            bar.update(STEPS_PER_REPORT)
            bar.set_postfix_str(", ".join(f"{name} {value:.4g}" for name, value in parts.items()))
            history.append({"step": step} | parts)

        slots = network.slots
        found = train(examples, all_slots_body(model, slots), slots, model.name, training, record)
    save_temporal_network(out, found)
    if report is not None:
        report.write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
