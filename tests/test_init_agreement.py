"""What predictions add to the proposals of keypoints: independent ones, ones that err alike, and ones that err more than is told."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.fitting.init_agreement import as_informative
from smplify_jax.proposal.propose import Proposal
from smplify_jax.terms.anchor import Anchor

NUM_FRAMES, NUM_POSE = 40, 69
TOLD, CLAIMED = 0.15, 0.1
"""[rad] Standard deviations of predictions and proposals."""


def of_errors(prediction: np.ndarray, proposal: np.ndarray) -> tuple[Anchor, Proposal]:
    """Predictions and proposals (T, 69) of a true pose of zeros."""
    ones, betas = np.ones((len(prediction), NUM_POSE)), np.zeros((len(prediction), 10))
    place = np.zeros((len(prediction), 3))
    anchor = Anchor(prediction, betas, ones / TOLD, np.ones_like(betas))
    parameters = BodyParameters(place, proposal, betas, place)
    claims: Any = (CLAIMED * ones, np.ones_like(betas), np.ones((len(prediction), 17)))
    return anchor, Proposal(parameters, *claims)


def drawn(std: float, seed: int, num_frames: int = NUM_FRAMES) -> np.ndarray:
    return std * np.random.default_rng(seed).normal(size=(num_frames, NUM_POSE))


def share(anchor: Anchor, proposals: Proposal, **choices) -> np.ndarray:
    """Precisions of the first number as a share of those that are told."""
    known = np.ones(len(anchor.body_pose), bool)
    return np.asarray(as_informative(anchor, proposals, known, **choices).pose_scale)[:, 0] ** 2 * TOLD**2


def test_predictions_that_err_independently_count_as_told():
    assert share(*of_errors(drawn(TOLD, 0), drawn(CLAIMED, 1)))[0] > 0.9  # of 2760 numbers, one in 50 is within chance


@pytest.mark.parametrize(("correlation", "low", "high"), [(0.3, 0.5, 0.85), (CLAIMED / TOLD, 0.0, 0.05)])
def test_predictions_count_less_the_more_their_errors_are_those_of_the_proposals(correlation, low, high):
    proposal, own = drawn(CLAIMED, 1), drawn(1.0, 0)
    prediction = TOLD * (correlation * proposal / CLAIMED + np.sqrt(1 - correlation**2) * own)
    # (q^2 - c) / (s^2 - c) s^2 / q^2 is 0.69 and 0.
    assert low <= share(*of_errors(prediction, proposal))[0] < high


def test_predictions_that_agree_with_the_proposals_in_everything_add_nothing():
    proposal = drawn(CLAIMED, 1)
    assert share(*of_errors(proposal, proposal))[0] == 0


def test_predictions_that_err_more_than_is_told_count_as_their_errors_tell():
    far = share(*of_errors(drawn(2 * TOLD, 0), drawn(CLAIMED, 1)))[0]
    assert far == pytest.approx(1.4 / 4, rel=0.1)  # 1.4: as usual errors are larger than is told


def test_a_prediction_that_is_better_than_the_proposal_counts_as_told():
    anchor, proposals = of_errors(drawn(TOLD, 0), drawn(CLAIMED, 1))
    proposals = dataclasses.replace(proposals, std_pose=np.full((NUM_FRAMES, NUM_POSE), 2 * TOLD))
    assert share(anchor, proposals)[0] == pytest.approx(1.0)


def test_people_are_judged_each_by_themselves():
    apart, alike = of_errors(drawn(TOLD, 0), drawn(CLAIMED, 1)), of_errors(drawn(CLAIMED, 1), drawn(CLAIMED, 1))
    both = jax.tree.map(lambda *rows: np.concatenate(rows), apart, alike)
    together = share(*both, num_people=2)
    np.testing.assert_allclose(together[:NUM_FRAMES], share(*apart))
    np.testing.assert_allclose(together[NUM_FRAMES:], 0)


def test_frames_without_a_prediction_do_not_count():
    anchor, proposals = of_errors(drawn(TOLD, 0), drawn(CLAIMED, 1))
    anchor.body_pose[::2] = np.nan
    known = np.arange(NUM_FRAMES) % 2 == 1
    found = as_informative(anchor, proposals, known)
    assert np.asarray(found.pose_scale)[known].min() > 0.9 / TOLD


def test_the_shape_of_many_frames_counts_once():
    anchor, proposals = of_errors(drawn(TOLD, 0), drawn(CLAIMED, 1))
    found = as_informative(anchor, proposals, np.ones(NUM_FRAMES, bool), num_shapes=10.0)
    np.testing.assert_allclose(np.sum(found.betas_scale[:10] ** 2, axis=0), 1.0, rtol=1e-5)
