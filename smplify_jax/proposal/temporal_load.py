"""Read and write temporal networks.

Keys of the .npz, format version 1; every matrix is stored as (inputs, outputs) in int8 with one scale per column, vectors as float32:
    format_version: int32. slots: names. body_name: the body whose betas it refines.
    first, last, and mixed_i, joined_i, inner_i, outer_i of block i = 0, 1, ...: int8; with `_scale` appended: float32, one per column.
    first_bias, last_bias, bias_i, time_offset_i, log_time_width_i: float32. pose_correlation: float16.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import load_npz
from smplify_jax.proposal.load import quantised
from smplify_jax.proposal.network import NUM_BODY_POSE
from smplify_jax.proposal.temporal_network import OUTPUT_SIZE, TemporalBlock, TemporalNetwork
from smplify_jax.proposal.track_features import feature_size

SHIPPED = "data/temporal.npz"
_FORMAT_VERSION = 1
_TEXTS = ("slots", "body_name")
_BLOCK_MATRICES, _BLOCK_VECTORS = ("mixed", "joined", "inner", "outer"), ("bias", "time_offset", "log_time_width")


def load_temporal_network(path: str | Path | None = None) -> TemporalNetwork:
    """Load a temporal network.

    Args:
        path: None for the network that comes with the package, or a file written by `python -m smplify_jax.learn.temporal`.

    Raises:
        InputError: there is no such file, or it is not a temporal network.
    """
    path = Path(str(resources.files("smplify_jax.proposal").joinpath(SHIPPED))) if path is None else Path(path)
    if not os.path.lexists(path):
        raise InputError(
            f"{path}: there is no such file; give a temporal network (.npz), or leave it out for the one included."
        )
    stored = {name: np.asarray(value) for name, value in load_npz(path).items()}
    version = stored.get("format_version", np.zeros(0))
    if version.shape != () or version.dtype.kind not in "iu" or version != _FORMAT_VERSION:
        raise InputError(
            f"{path}: is not a temporal network of format version {_FORMAT_VERSION}; write it again with smplify_jax.learn.temporal."
        )
    if any(
        (array.dtype.kind == "U") != (name in _TEXTS) or array.dtype.kind not in "iufU"
        for name, array in stored.items()
    ):
        raise InputError(f"{path}: an array of this temporal network is neither numbers nor names; write it again.")
    with explained_damage(path, "write it again."):
        try:
            return _checked(_unpack(stored), path)
        except KeyError as error:
            raise InputError(f"{path}: lacks {error} of a temporal network; write it again.") from None


def save_temporal_network(path: str | Path, network: TemporalNetwork) -> None:
    """Write a network, completely or not at all; its matrices are quantised to eight bits."""
    matrices = {"first": network.first, "last": network.last}
    vectors = {"first_bias": network.first_bias, "last_bias": network.last_bias}
    for i, block in enumerate(network.blocks):
        matrices |= {f"{name}_{i}": getattr(block, name) for name in _BLOCK_MATRICES}
        vectors |= {f"{name}_{i}": getattr(block, name) for name in _BLOCK_VECTORS}
    stored = {name: np.asarray(vector, np.float32) for name, vector in vectors.items()}
    for name, matrix in matrices.items():
        stored[name], stored[f"{name}_scale"] = quantised(np.asarray(matrix))
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            format_version=np.int32(_FORMAT_VERSION),
            slots=np.array(network.slots),
            body_name=np.array(network.body_name),
            pose_correlation=np.asarray(network.pose_correlation, np.float16),
            **stored,
        )


def _unpack(stored: dict[str, np.ndarray]) -> TemporalNetwork:
    def matrix(name: str) -> np.ndarray:
        return stored[name].astype(np.float32) * stored[f"{name}_scale"].astype(np.float32)

    def vector(name: str) -> np.ndarray:
        return stored[name].astype(np.float32)

    num_blocks = sum(name.startswith("bias_") for name in stored)
    return TemporalNetwork(
        first=matrix("first"),
        first_bias=vector("first_bias"),
        blocks=tuple(
            TemporalBlock(
                **{name: matrix(f"{name}_{i}") for name in _BLOCK_MATRICES},
                **{name: vector(f"{name}_{i}") for name in _BLOCK_VECTORS},
            )
            for i in range(num_blocks)
        ),
        last=matrix("last"),
        last_bias=vector("last_bias"),
        pose_correlation=vector("pose_correlation"),
        slots=tuple(str(slot) for slot in stored["slots"]),
        body_name=str(stored["body_name"]),
    )


def _checked(network: TemporalNetwork, path: Path) -> TemporalNetwork:
    width = len(network.first_bias)
    expected = [(network.first, (feature_size(len(network.slots)), width)), (network.first_bias, (width,))]
    for block in network.blocks:
        num_heads, inner = len(block.time_offset), len(block.bias)
        expected += [(block.mixed, (width, 3 * width)), (block.joined, (width, width)), (block.bias, (inner,))]
        expected += [(block.inner, (width, inner)), (block.outer, (inner, width))]
        expected += [(block.time_offset, (num_heads,)), (block.log_time_width, (num_heads,))]
    expected += [(network.pose_correlation, (NUM_BODY_POSE, NUM_BODY_POSE))]
    expected += [(network.last, (width, OUTPUT_SIZE)), (network.last_bias, (OUTPUT_SIZE,))]
    is_divisible = all(len(block.time_offset) and width % len(block.time_offset) == 0 for block in network.blocks)
    if not is_divisible or any(array.shape != shape or not np.isfinite(array).all() for array, shape in expected):
        raise InputError(
            f"{path}: the arrays of this temporal network do not fit each other, or are not finite; write it again."
        )
    return network
