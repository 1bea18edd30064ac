"""The fit of people, from cleaned keypoints to the fields of a result. All of it is traced."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from smplify_jax.execution.batching import group_size, look_group_size
from smplify_jax.fitting.person import Person, Setup, prepare, see
from smplify_jax.fitting.report import report
from smplify_jax.fitting.search import fit_from_starts
from smplify_jax.proposal.propose import propose


def fit_people(setup: Setup, people: Person) -> dict:
    """The fields of FitResult that depend on the people; all have a leading axis."""
    seen = jax.vmap(partial(see, setup))(people)
    proposals, observations = None, seen.observation
    if setup.proposer is not None:
        with jax.named_scope("network"):
            proposals, observations = propose(
                setup.proposer,
                setup.scene.body,
                observations,
                jnp.asarray(people.is_focal_length_known),
                seen.can_be_fitted,
                num_looks=setup.plan.num_looks,
                group_size=look_group_size(len(people.keypoints)),
            )
    prepared = jax.vmap(partial(prepare, setup))(people, seen, observations, proposals)
    solutions, margins = fit_from_starts(
        setup.scene,
        prepared.problem,
        setup.phases,
        prepared.starts,
        is_side_view=prepared.is_side_view,
        compared_terms=setup.plan.compared_terms,
    )
    # In groups, so that what belongs to one stays in the processor's cache.
    return jax.lax.map(
        lambda one: report(setup, *one),
        (seen, prepared, solutions, margins),
        batch_size=group_size(len(people.keypoints)),
    )
