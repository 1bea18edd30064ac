"""`solve` for PyTorch: tensors in, tensors out, gradients by `torch.autograd`. Needs torch, the extra `torch`.

JAX computes on its default device. Arrays pass by DLPack, on a GPU without going through the host; where the tensors are on a device that
JAX does not have, through the host. Each side owns its numbers: tensors are copied on the way in and on the way out, because torch may
write into a tensor while JAX still reads it, and because JAX takes arrays for constants. Both are small.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from smplify_jax.body.parameters import BodyParameters
from smplify_jax.camera.pinhole import Camera
from smplify_jax.errors import InputError
from smplify_jax.fitting.problem import FitProblem, FitSolution
from smplify_jax.fitting.solve import solve as solve_in_jax

try:
    import torch
except ImportError as error:
    raise InputError("smplify_jax.torch needs torch: pip install 'smplify-jax[torch]'.") from error

_BLOCKS = ("global_orient", "body_pose", "betas", "transl")


class TorchSolution(NamedTuple):
    """What `solve` finds, with the keypoints' dtype, device and batch; see `smplify_jax.FitSolution`.

    `gradient_norm`, `status` and `valid` have no gradient; `energy` and `gradient_norm` are NaN for people who cannot be fitted.
    """

    global_orient: torch.Tensor
    body_pose: torch.Tensor
    betas: torch.Tensor
    transl: torch.Tensor
    joints: torch.Tensor
    energy: torch.Tensor
    gradient_norm: torch.Tensor
    status: torch.Tensor
    valid: torch.Tensor


def solve(
    problem: FitProblem,
    keypoints: torch.Tensor,
    *,
    focal_length: torch.Tensor,
    camera_center: torch.Tensor,
    init: dict[str, torch.Tensor] | None = None,
    pose_precision: torch.Tensor | None = None,
    betas_precision: torch.Tensor | None = None,
    keypoint_weights: torch.Tensor | None = None,
) -> TorchSolution:
    """Fit the body to the keypoints of people inside a torch program; `smplify_jax.solve` says what has which gradient.

    Args:
        problem: of `smplify_jax.prepare_solve`.
        keypoints: (K, 3) or (B, K, 3): x, y [px], confidence; of any floating dtype, strides and device.
        focal_length: (2,) or (B, 2) [px].
        camera_center: (2,) or (B, 2) [px].
        init: bodies to start from, by the names global_orient, body_pose, betas and transl; a row for each person.
        pose_precision: inverse variances of `init["body_pose"]` [1/rad^2], shaped like it, or one number; without, as of the usual
            network's (see `fit`).
        betas_precision: likewise of `init["betas"]`.
        keypoint_weights: (K,) or (B, K).
    Returns:
        TorchSolution. It is computed in float32, or in float64 where JAX's flag `jax_enable_x64` is on.

    Raises:
        InputError: an argument cannot be used.
    """
    if not isinstance(keypoints, torch.Tensor) or not keypoints.is_floating_point():
        raise InputError(
            "keypoints is not a torch tensor of floating-point numbers: give one, or call smplify_jax.solve."
        )
    if (pose_precision is None) != (betas_precision is None) or (init is None and pose_precision is not None):
        raise InputError("An anchor needs init, pose_precision and betas_precision: give all three, or no precision.")
    if init is not None and set(init) != set(_BLOCKS):
        raise InputError(f"init has {', '.join(sorted(init))}: expected {', '.join(_BLOCKS)}.")
    named = {"keypoints": keypoints, "focal_length": focal_length, "camera_center": camera_center, **(init or {})}
    named |= {
        "pose_precision": pose_precision,
        "betas_precision": betas_precision,
        "keypoint_weights": keypoint_weights,
    }
    given = {name: tensor for name, tensor in named.items() if tensor is not None}
    return TorchSolution(*_Solve.apply(problem, tuple(given), *given.values()))


class _Solve(torch.autograd.Function):
    """Forward also computes what backward needs: with the optimum at hand that costs little."""

    @staticmethod
    def forward(ctx: Any, problem: FitProblem, names: tuple[str, ...], *tensors: torch.Tensor) -> tuple[Any, ...]:
        needed = tuple(name for name, needs in zip(names, ctx.needs_input_grad[2:], strict=True) if needs)
        arrays = dict(zip(names, map(_to_jax, tensors), strict=True))
        outputs, ctx.pull_back, others = jax.block_until_ready(_linearized(needed, problem, arrays))
        ctx.inputs, ctx.needed = dict(zip(names, [(one.dtype, one.device) for one in tensors], strict=True)), needed
        like = tensors[0]
        found = [_to_torch(output).to(like.device, like.dtype) for output in outputs]
        constants = [_to_torch(other).to(like.device) for other in others]
        constants[0] = constants[0].to(like.dtype)
        ctx.mark_non_differentiable(*constants)
        return (*found, *constants)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *slopes: Any) -> tuple[Any, ...]:
        pulled = jax.block_until_ready(_pulled_back(ctx.pull_back, [_to_jax(slope) for slope in slopes[:-3]]))
        return (
            None,
            None,
            *(
                _to_torch(pulled[name]).to(*like[::-1]) if name in ctx.needed else None
                for name, like in ctx.inputs.items()
            ),
        )


@partial(jax.jit, static_argnums=0)
def _linearized(needed: tuple[str, ...], problem: FitProblem, arrays: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The outputs with a gradient, the map from their slopes to those of the needed inputs, and the outputs without a gradient."""
    return jax.vjp(lambda some: _solved(problem, arrays | some), {name: arrays[name] for name in needed}, has_aux=True)


@jax.jit
def _pulled_back(pull_back: Any, slopes: list[Any]) -> dict[str, Any]:
    return pull_back(slopes)[0]


def _solved(problem: FitProblem, given: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    init = BodyParameters(**{name: given[name] for name in _BLOCKS}) if "body_pose" in given else None
    precision = None
    if "pose_precision" in given:
        nothing = jnp.zeros(())
        precision = BodyParameters(nothing, given["pose_precision"], given["betas_precision"], nothing)
    solution: FitSolution = solve_in_jax(
        problem,
        given["keypoints"],
        camera=Camera(given["focal_length"], given["camera_center"]),
        init=init,
        init_precision=precision,
        keypoint_weights=given.get("keypoint_weights"),
    )
    blocks = [getattr(solution.parameters, name) for name in _BLOCKS]
    return [*blocks, solution.joints, solution.energy], [solution.gradient_norm, solution.status, solution.valid]


def _to_jax(tensor: torch.Tensor) -> jax.Array:
    """A copy of the tensor on JAX's default device, in the precision that JAX computes in."""
    dtype = torch.float64 if jnp.result_type(float) == jnp.float64 else torch.float32
    own = tensor.detach().to(dtype, copy=True).contiguous()
    try:
        return jax.device_put(jax.dlpack.from_dlpack(own), jnp.zeros(()).device)
    except (RuntimeError, ValueError):  # a device that JAX does not have
        return jnp.asarray(own.cpu().numpy())


def _to_torch(array: jax.Array) -> torch.Tensor:
    """A copy of the array, on its device if torch has that."""
    try:
        return torch.from_dlpack(array).clone()
    except (RuntimeError, ValueError, TypeError):
        return torch.from_numpy(np.array(array))
