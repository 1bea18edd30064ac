"""Read and write proposal networks.

Keys of the .npz, format version 2; every matrix is stored as (inputs, outputs) in int8 with one scale per column, vectors as float32:
    format_version: int32. slots: names. body_name: the body whose betas it proposes. pose_correlation: float16.
    Of each network, after the prefix "proposing_" or "correcting_":
    first, last, and inner_i, outer_i of block i = 0, 1, ...: int8; with `_scale` appended: float32, one per column.
    first_bias, last_bias, bias_i: float32.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write
from smplify_jax.files.damage import explained_damage
from smplify_jax.files.npz import load_npz
from smplify_jax.proposal import correction
from smplify_jax.proposal.network import (
    NUM_BODY_POSE,
    Block,
    ProposalNetwork,
    ResidualNetwork,
    feature_size,
    output_size,
)

SHIPPED = "data/proposal.npz"
_FORMAT_VERSION = 2
_PARTS = ("proposing", "correcting")
_TEXTS = ("slots", "body_name")


def load_proposal_network(path: str | Path | None = None) -> ProposalNetwork:
    """Load a proposal network.

    Args:
        path: None for the network that comes with the package, or a file written by `python -m smplify_jax.learn.proposal`.

    Raises:
        InputError: there is no such file, or it is not a proposal network.
    """
    path = Path(str(resources.files("smplify_jax.proposal").joinpath(SHIPPED))) if path is None else Path(path)
    if not os.path.lexists(path):
        raise InputError(
            f"{path}: there is no such file; give a proposal network (.npz), or leave it out for the one included."
        )
    stored = {name: np.asarray(value) for name, value in load_npz(path).items()}
    version = stored.get("format_version", np.zeros(0))
    if version.shape != () or version.dtype.kind not in "iu" or version != _FORMAT_VERSION:
        raise InputError(
            f"{path}: is not a proposal network of format version {_FORMAT_VERSION}; write it again with smplify_jax.learn.proposal."
        )
    if any(
        (array.dtype.kind == "U") != (name in _TEXTS) or array.dtype.kind not in "iufU"
        for name, array in stored.items()
    ):
        raise InputError(f"{path}: an array of this proposal network is neither numbers nor names; write it again.")
    with explained_damage(path, "write it again."):
        try:
            return _checked(_unpack(stored), path)
        except KeyError as error:
            raise InputError(f"{path}: lacks {error} of a proposal network; write it again.") from None


def save_proposal_network(path: str | Path, network: ProposalNetwork) -> None:
    """Write a network, completely or not at all; its matrices are quantised to eight bits."""
    stored: dict[str, Any] = {}
    for part in _PARTS:
        stored |= {f"{part}_{name}": value for name, value in _packed(getattr(network, part)).items()}
    with atomic_write(path) as file:
        np.savez_compressed(
            file,
            format_version=np.int32(_FORMAT_VERSION),
            slots=np.array(network.slots),
            body_name=np.array(network.body_name),
            pose_correlation=np.asarray(network.pose_correlation, np.float16),
            **stored,
        )


def _packed(network: ResidualNetwork) -> dict[str, Any]:
    matrices = {"first": network.first, "last": network.last}
    vectors = {"first_bias": network.first_bias, "last_bias": network.last_bias}
    for i, block in enumerate(network.blocks):
        matrices |= {f"inner_{i}": block.inner, f"outer_{i}": block.outer}
        vectors[f"bias_{i}"] = block.bias
    stored: dict[str, Any] = {name: np.asarray(vector, np.float32) for name, vector in vectors.items()}
    for name, matrix in matrices.items():
        stored[name], stored[f"{name}_scale"] = _quantised(np.asarray(matrix).T)
    return stored


def _quantised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 127.0
    return np.round(matrix / scale).astype(np.int8), scale.astype(np.float32)


def _unpack(stored: dict[str, np.ndarray]) -> ProposalNetwork:
    proposing, correcting = (_unpack_part(stored, f"{part}_") for part in _PARTS)
    return ProposalNetwork(
        proposing=proposing,
        correcting=correcting,
        pose_correlation=stored["pose_correlation"].astype(np.float32),
        slots=tuple(str(slot) for slot in stored["slots"]),
        body_name=str(stored["body_name"]),
    )


def _unpack_part(stored: dict[str, np.ndarray], prefix: str) -> ResidualNetwork:
    def matrix(name: str) -> np.ndarray:
        quantised, scale = stored[prefix + name], stored[f"{prefix}{name}_scale"]
        if (
            quantised.ndim != 2 or scale.shape != quantised.shape[1:]
        ):  # a column and a row would make a matrix of any size
            raise ValueError(f"{name!r} has shape {quantised.shape}, and its scale {scale.shape}")
        return np.ascontiguousarray((quantised.astype(np.float32) * scale.astype(np.float32)).T)

    def vector(name: str) -> np.ndarray:
        return stored[prefix + name].astype(np.float32)

    num_blocks = sum(name.startswith(f"{prefix}bias_") for name in stored)
    return ResidualNetwork(
        first=matrix("first"),
        first_bias=vector("first_bias"),
        blocks=tuple(Block(matrix(f"inner_{i}"), vector(f"bias_{i}"), matrix(f"outer_{i}")) for i in range(num_blocks)),
        last=matrix("last"),
        last_bias=vector("last_bias"),
    )


def _checked(network: ProposalNetwork, path: Path) -> ProposalNetwork:
    num_slots = len(network.slots)
    expected = [(network.pose_correlation, (NUM_BODY_POSE, NUM_BODY_POSE))]
    sizes = feature_size(num_slots), correction.feature_size(num_slots)
    for part, num_features in zip((network.proposing, network.correcting), sizes, strict=True):
        width = len(part.first)
        expected += [(part.first, (width, num_features)), (part.first_bias, (width,))]
        for block in part.blocks:
            expected += [(block.inner, (width, width)), (block.bias, (width,)), (block.outer, (width, width))]
        expected += [(part.last, (output_size(num_slots), width)), (part.last_bias, (output_size(num_slots),))]
    if any(array.shape != shape or not np.isfinite(array).all() for array, shape in expected):
        raise InputError(
            f"{path}: the arrays of this proposal network do not fit each other, or are not finite; write it again."
        )
    return network
