"""Rounds and profiles: which parameters are free, with what weights, in what order, and where a fit starts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.body.part_pairs import PAPER_PAIRS, PartPair
from smplify_jax.camera.depth import REFERENCE_HEIGHT_PX
from smplify_jax.camera.setup import focal_length_of_boxes
from smplify_jax.errors import InputError
from smplify_jax.execution.host_arrays import host_array
from smplify_jax.keypoints.layouts import Layout
from smplify_jax.keypoints.subsets import subset_weights
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.solver.levenberg_marquardt import SolverOptions
from smplify_jax.terms.objective import OPTIONAL_TERMS, TERM_NAMES, TermWeights


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Round:
    """One minimisation under fixed weights, starting where the previous round ended.

    Attributes:
        weights: of the terms.
        solver: which solver, and when to stop.
        frees_transl: 1.0 if the translation may change, 0.0 if it is held fixed (likewise below).
        frees_global_orient: the root's rotation.
        frees_body_pose: all other rotations.
        frees_betas: the shape.
        keypoints: the ones that the data term uses: a name of `KEYPOINT_SUBSETS`, or (K,) weights.
        uses_confidence: 1.0 to weight keypoints by their confidence, 0.0 to weight all observed ones equally.
    """

    weights: TermWeights
    solver: SolverOptions | AdamOptions
    frees_transl: float | Array = 1.0
    frees_global_orient: float | Array = 1.0
    frees_body_pose: float | Array = 1.0
    frees_betas: float | Array = 1.0
    keypoints: str | Array | np.ndarray = "all"
    uses_confidence: float | Array = 1.0

    def free_mask(self, parameters: BodyParameters) -> Array:
        """(P,) 1.0 for the entries of the step vector that this round may change."""
        blocks = (
            (self.frees_global_orient, parameters.global_orient),
            (self.frees_body_pose, parameters.body_pose),
            (self.frees_betas, parameters.betas),
            (self.frees_transl, parameters.transl),
        )
        return jnp.concatenate(
            [jnp.broadcast_to(jnp.asarray(frees, jnp.float32), block.shape) for frees, block in blocks]
        )

    def for_layout(self, layout: Layout) -> Round:
        """The round with its keypoints as (K,) weights.

        Raises:
            InputError: no subset has that name, or the weights are not K numbers.
        """
        if isinstance(self.keypoints, str):
            return dataclasses.replace(self, keypoints=subset_weights(layout, self.keypoints))
        weights = np.asarray(self.keypoints, np.float32)
        if weights.shape != (layout.num_keypoints,):
            raise InputError(
                f"a round's keypoint weights have shape {weights.shape}: the layout {layout.name!r} needs ({layout.num_keypoints},)."
            )
        return dataclasses.replace(self, keypoints=weights)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Phases:
    """The rounds of a fit for one layout, each phase stacked along a leading axis; None for a phase without rounds."""

    camera: Round | None
    explore: Round | None
    refine: Round


@dataclass(frozen=True)
class Profile:
    """A recipe: where a fit starts, the rounds it runs, and how the best of several starts is chosen.

    Attributes:
        name: what users call it.
        explore: rounds run from every start, of which the best continues. Skipped when the start is given or proposed.
        refine: rounds run from the best start only; without `explore`, from every start, and the best result is kept.
        camera: rounds run before all others, which place the body as a whole.
        num_starts: how many yaw angles to try.
        focal_length_px: assumed when the caller gives none; None means the picture's diagonal.
        focal_length_boxes: assumed when the caller gives none, in units of the longer side of the box around the person's keypoints;
            takes precedence over `focal_length_px`.
        reference_height_px: apparent height of a person that all pixel constants refer to.
        starts_at_zero_pose: start from SMPL's rest pose instead of the prior's mean.
        takes_depth_from_torso: start (and anchor) the depth by similar triangles of the torso instead of every visible limb.
        side_view_px: people whose shoulders appear closer together than this [reference px] are fitted a second time, turned by half a
            turn after the camera rounds; None disables this.
        compared_terms: the terms whose energy ranks the starts.
        uses_proposal: start from the proposal network's body, anchored to it; if the caller asks for a number of starts, a search over
            yaw angles replaces it.
        num_passes: how often the network runs at most. Refinement passes, from the second on, leave out outliers and correct exchanged
            sides that the previous pass revealed; 1 takes keypoints as they are.
        weighs_by_noise: weight keypoints by the noise that the network estimates for them, in place of the detector's confidence.
        apart_pairs: pairs of parts that the interpenetration term keeps apart; NON_ADJACENT_PAIRS has more than the paper's.
    """

    name: str
    explore: tuple[Round, ...]
    refine: tuple[Round, ...]
    camera: tuple[Round, ...] = ()
    num_starts: int = 2
    focal_length_px: float | None = None
    focal_length_boxes: float | None = None
    reference_height_px: float = REFERENCE_HEIGHT_PX
    starts_at_zero_pose: bool = False
    takes_depth_from_torso: bool = False
    side_view_px: float | None = None
    compared_terms: tuple[str, ...] = TERM_NAMES
    uses_proposal: bool = False
    num_passes: int = 2  # a third gains a tenth of a millimetre at most
    weighs_by_noise: bool = False
    apart_pairs: tuple[PartPair, ...] = PAPER_PAIRS

    def __post_init__(self) -> None:
        unknown = sorted(set(self.compared_terms) - set(TERM_NAMES))
        if unknown:
            raise InputError(
                f"profile {self.name!r} compares starts by {', '.join(unknown)}: the terms are {', '.join(TERM_NAMES)}."
            )
        if self.num_passes < 1:
            raise InputError(
                f"num_passes of profile {self.name!r} is {self.num_passes}: the network runs at least once."
            )

    @property
    def keeps_parts_apart(self) -> bool:
        """Whether any round has the interpenetration term."""
        rounds = (*self.camera, *self.explore, *self.refine)
        return any(_has_weight(one, "interpenetration") for one in rounds)

    def phases(self, layout: Layout, is_start_given: bool) -> Phases:
        """The rounds as arrays.

        Raises:
            InputError: there is no refining round, or a round does not suit the layout.
        """
        if not self.refine:
            raise InputError(f"profile {self.name!r} has no refining round: give it at least one.")
        return Phases(
            camera=_stack_rounds(self.camera, layout) if self.camera else None,
            explore=_stack_rounds(self.explore, layout) if self.explore and not is_start_given else None,
            refine=_stack_rounds(self.refine, layout),
        )

    def plan(self, num_starts: int) -> Profile:
        """The static part that a program is compiled for: the profile without its rounds, whose numbers may change without recompiling."""
        no_rounds = {"name": "", "camera": (), "explore": (), "refine": ()}
        return dataclasses.replace(
            self, **no_rounds, num_starts=num_starts, focal_length_px=None, focal_length_boxes=None
        )

    def assumed_focal_length(self, keypoints: np.ndarray) -> np.ndarray | float | None:
        """Focal length [px] for people without a camera, one for all or (B,); None means the picture's diagonal.

        Args:
            keypoints: (B, K, 3) cleaned: x, y [px], confidence.
        """
        if self.focal_length_boxes is None:
            return self.focal_length_px
        return focal_length_of_boxes(keypoints, self.focal_length_boxes)


def _stack_rounds(rounds: Sequence[Round], layout: Layout) -> Round:
    """Rounds as one pytree with a leading axis, so that changing a weight does not recompile.

    An optional term that has no weight in any of them gets None as its weight, so that it is not computed at all.
    """
    if len({type(one.solver) for one in rounds}) > 1:
        raise InputError("the rounds of one phase of a profile have different solvers: give all of them the same kind.")
    resolved = [one.for_layout(layout) for one in rounds]
    absent = {name: None for name in OPTIONAL_TERMS if not any(_has_weight(one, name) for one in rounds)}
    resolved = [dataclasses.replace(one, weights=dataclasses.replace(one.weights, **absent)) for one in resolved]
    return jax.tree.map(_stack_numbers, *resolved)


def _stack_numbers(*leaves: float | Array | np.ndarray) -> np.ndarray:
    """Stack with NumPy: in JAX each stack would be a program of its own, and together they would take longer than a fit."""
    stacked = np.stack([host_array(leaf, "a number of a profile's round") for leaf in leaves])
    return stacked.astype(np.int32 if np.issubdtype(stacked.dtype, np.integer) else np.float32)


def _has_weight(one: Round, term: str) -> bool:
    weight = getattr(one.weights, term)
    return weight is not None and bool(np.any(np.asarray(weight)))
