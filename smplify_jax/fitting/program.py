"""Fit people, from cleaned keypoints to the fields of a result. Everything here is traced by JAX."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from smplify_jax.execution.batching import network_chunk_size, search_chunk_size
from smplify_jax.fitting.person import Person, Setup, check_person, prepare_search
from smplify_jax.fitting.report import report
from smplify_jax.fitting.search import fit_from_starts
from smplify_jax.proposal.propose import propose


def fit_people(setup: Setup, people: Person) -> dict:
    """The fields of FitResult that depend on the people; all have a leading axis."""
    checked = jax.vmap(partial(check_person, setup))(people)
    proposals, observations = None, checked.observation
    if setup.proposer is not None:
        with jax.named_scope("network"):
            proposals, observations = propose(
                setup.proposer,
                setup.scene.body,
                observations,
                jnp.asarray(people.is_focal_length_known),
                checked.is_fittable,
                num_passes=setup.plan.num_passes,
                chunk_size=network_chunk_size(len(people.keypoints)),
            )
    prepared = jax.vmap(partial(prepare_search, setup))(people, checked, observations, proposals)
    solutions, margins = fit_from_starts(
        setup.scene,
        prepared.problem,
        setup.phases,
        prepared.starts,
        is_side_view=prepared.is_side_view,
        compared_terms=setup.plan.compared_terms,
    )
    # In chunks, so that the data of one chunk stays in the processor's cache.
    return jax.lax.map(
        lambda one: report(setup, *one),
        (checked, prepared, solutions, margins),
        batch_size=search_chunk_size(len(people.keypoints)),
    )
