"""Fit people, from cleaned keypoints to the fields of a result. Everything here is traced by JAX."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from smplify_jax.camera.observation import Observation
from smplify_jax.execution.batching import network_chunk_size, search_chunk_size
from smplify_jax.fitting.person import (
    CheckedPerson,
    Person,
    PreparedSearch,
    Setup,
    check_person,
    prepare_search,
    weigh_observation,
)
from smplify_jax.fitting.report import report
from smplify_jax.fitting.search import fit_from_starts
from smplify_jax.proposal.propose import Proposal, propose
from smplify_jax.solver.solution import Solution


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ProposedPeople:
    """People whose input is checked, and what the network proposes for them; all arrays have a leading axis.

    Attributes:
        checked: the input.
        observations: with exchanged sides corrected.
        proposals: None if the profile does not use the network.
    """

    checked: CheckedPerson
    observations: Observation
    proposals: Proposal | None


def propose_people(setup: Setup, people: Person) -> ProposedPeople:
    """Check people's input and run the network on it."""
    checked = jax.vmap(partial(check_person, setup))(people)
    if setup.proposer is None:
        return ProposedPeople(checked, checked.observation, None)
    with jax.named_scope("network"):
        proposals, observations = propose(
            setup.proposer,
            setup.scene.body,
            checked.observation,
            jnp.asarray(people.is_focal_length_known),
            checked.is_fittable,
            num_passes=setup.plan.num_passes,
            chunk_size=network_chunk_size(len(people.keypoints)),
        )
    return ProposedPeople(checked, observations, proposals)


def propose_frames(setup: Setup, people: Person) -> ProposedPeople:
    """`propose_people` for people who are then fitted together: with observations weighted by the network's noise."""
    proposed = propose_people(setup, people)
    if proposed.proposals is None:
        raise ValueError("people who are fitted together start from proposals: the profile must use the network")
    weigh = jax.vmap(partial(weigh_observation, setup.plan))
    return replace(proposed, observations=weigh(proposed.observations, proposed.proposals))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SearchedPeople:
    """People and the best bodies found for them; all arrays have a leading axis.

    Attributes:
        proposed: their input, and what the network proposes.
        prepared: the searches.
        solutions: what the searches found.
        margins: by how much the second-best start's energy was higher.
        energies: (R, terms) at the end of each round.
    """

    proposed: ProposedPeople
    prepared: PreparedSearch
    solutions: Solution
    margins: Array
    energies: Array


def search_people(setup: Setup, people: Person) -> SearchedPeople:
    """Find each person's best body; all arrays have a leading axis."""
    proposed = propose_people(setup, people)
    prepared = jax.vmap(partial(prepare_search, setup))(
        people, proposed.checked, proposed.observations, proposed.proposals
    )
    solutions, margins, energies = fit_from_starts(
        setup.scene,
        prepared.problem,
        setup.phases,
        prepared.starts,
        is_side_view=prepared.is_side_view,
        compared_terms=setup.plan.compared_terms,
    )
    return SearchedPeople(proposed, prepared, solutions, margins, energies)


def fit_people(setup: Setup, people: Person) -> dict:
    """The fields of FitResult that depend on the people; all have a leading axis."""
    found = search_people(setup, people)
    # In chunks, so that the data of one chunk stays in the processor's cache.
    return jax.lax.map(
        lambda one: report(setup, *one),
        (found.proposed.checked, found.prepared, found.solutions, found.margins, found.energies),
        batch_size=search_chunk_size(len(people.keypoints)),
    )
