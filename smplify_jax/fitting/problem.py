"""What many calls of `solve` share, prepared once, and what each of them returns."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.model import BodyModel
from smplify_jax.body.parameters import BodyParameters
from smplify_jax.errors import InputError
from smplify_jax.execution.environment import check_process, usual_flags
from smplify_jax.fitting.arguments import check_anchor, check_body, check_profile, resolve_body, resolve_prior
from smplify_jax.fitting.person import Setup
from smplify_jax.fitting.profiles import get_profile
from smplify_jax.fitting.setup import FitChoices, setup_fit
from smplify_jax.fitting.stages import Profile
from smplify_jax.keypoints.layouts import Layout, get_layout
from smplify_jax.prior.mixture import PosePrior
from smplify_jax.terms.objective import TermWeights


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FitProblem:
    """What `solve` needs besides the observations; `prepare_solve` makes it.

    It is a pytree of arrays: give it to a jitted function as an argument, so that they do not become constants of its program.

    Attributes:
        body: the whole body, for vertices: `problem.body.vertices(**solution.parameters.blocks())`.
        setup: for fits without `init`.
        setup_of_init: for fits that start from `init`.
        focal_length_px: that the profile assumes where the caller gives no camera; None for the picture's diagonal.
        needs_camera: whether the caller must give the camera, because the profile would guess it from the keypoints' box.
    """

    body: BodyModel
    setup: Setup
    setup_of_init: Setup
    focal_length_px: float | None = field(metadata={"static": True})
    needs_camera: bool = field(metadata={"static": True})

    @property
    def weights(self) -> TermWeights:
        """The weights of the profile's last round, whose optimum `solve` returns; None for terms that the profile leaves out."""
        return jax.tree.map(lambda leaf: leaf[-1], self.setup.phases.refine.weights)

    def with_weights(self, weights: TermWeights) -> FitProblem:
        """The same problem with other weights in the last round; they may be traced.

        Raises:
            InputError: a term has a weight that the profile leaves out, or none although the profile has it.
        """
        ours, theirs = vars(self.weights), vars(weights)
        wrong = [name for name, ours in ours.items() if (ours is None) != (theirs[name] is None)]
        if wrong:
            raise InputError(
                f"weights has {', '.join(wrong)} where the profile's last round has not, or not where it has: begin with problem.weights, "
                "and replace numbers only."
            )

        def with_last(setup: Setup) -> Setup:
            def last(leaf: Array, weight: Array | float) -> Array:
                dtype = jnp.result_type(float)
                return jnp.concatenate([jnp.asarray(leaf, dtype)[:-1], jnp.asarray(weight, dtype)[None]])

            refine = setup.phases.refine
            refine = dataclasses.replace(refine, weights=jax.tree.map(last, refine.weights, weights))
            return dataclasses.replace(setup, phases=dataclasses.replace(setup.phases, refine=refine))

        return dataclasses.replace(self, setup=with_last(self.setup), setup_of_init=with_last(self.setup_of_init))


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class FitSolution:
    """What `solve` finds; with a leading axis if the keypoints have one. Nothing in it is NaN but what is said to be.

    Attributes:
        parameters: of the fitted body; people who cannot be fitted get a body at rest, 10 m before the camera.
        joints: (..., 24, 3) SMPL's joints of that body [m].
        energy: (...,) at the optimum, NaN for people who cannot be fitted; its derivatives are those at the fitted body,
            which moves with the inputs.
        energy_by_term: (...,) each, by the terms' names.
        status: (...,) of `FitStatus`.
        num_steps: (...,) of all rounds.
        gradient_norm: (...,) how far the fit is from stationarity: the largest cosine between the residuals and a column of their
            Jacobian; NaN for people who cannot be fitted.
        valid: (...,) whether the derivatives are those of the optimum: there is a body, `gradient_norm` is small, and the Hessian is
            positive definite. Where it is false, all derivatives are zero.
    """

    parameters: BodyParameters
    joints: Array
    energy: Array
    energy_by_term: dict[str, Array]
    status: Array
    num_steps: Array
    gradient_norm: Array
    valid: Array


def prepare_solve(
    *,
    layout: str | Layout,
    body: BodyModel | str | os.PathLike[str] | None = None,
    prior: PosePrior | str | os.PathLike[str] | None = None,
    anchor: Literal["proposal"] | None = "proposal",
    profile: str | Profile = "default",
    num_betas: int = 10,
) -> FitProblem:
    """Prepare what calls of `solve` share. Call it once, outside of traced functions; arguments as for `fit`.

    Args:
        layout: which keypoints will be given, in order.
        body: the open body by default.
        prior: the shipped pose prior by default.
        anchor: "proposal" keeps fits close to the network's proposal and to `init`; None leaves it out.
        profile: the recipe.
        num_betas: how many shape coefficients to fit.

    Raises:
        InputError: an argument cannot be used.
    """
    check_process()
    with usual_flags(), np.errstate(all="ignore"):
        if not isinstance(layout, (str, Layout)):
            raise InputError(f"layout is a {type(layout).__name__}: give a name such as 'coco17', or a Layout.")
        layout = get_layout(layout)
        check_profile(profile)
        recipe = get_profile(profile)
        whole_body = resolve_body(body, num_betas)
        check_body(whole_body, layout, recipe, num_betas)
        check_anchor(anchor)
        setup, setup_of_init = (
            setup_fit(
                FitChoices(
                    layout,
                    recipe,
                    whole_body,
                    resolve_prior(prior),
                    num_betas,
                    num_starts=None,
                    is_start_given=is_start_given,
                    is_anchored=anchor is not None,
                    devices=(),
                )
            )
            for is_start_given in (False, True)
        )
    return FitProblem(
        whole_body,
        setup,
        setup_of_init,
        focal_length_px=recipe.focal_length_px,
        needs_camera=recipe.focal_length_boxes is not None,
    )
