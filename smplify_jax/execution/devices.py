"""Several devices: GPUs, or the cores of a CPU as devices of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from jaxlib._jax import Device  # to type checkers, jax.Device is a variable
else:
    Device = jax.Device

_Shared = TypeVar("_Shared")
_Personal = TypeVar("_Personal")
_Result = TypeVar("_Result")

_AXIS = "people"


def use_all_cores(num_cores: int | None = None, *, threads_per_core: int = 1) -> None:
    """Make each CPU core a device of its own, for `fit(..., devices=jax.devices("cpu"))`.

    One program of small operations keeps little more than one core busy; a program on each keeps all. This sets JAX's
    `jax_num_cpu_devices` and the environment variable NPROC, the size of XLA's pool of threads, for all of this process. So it is for
    programs, before JAX is first used, and the library never does it itself.

    Args:
        num_cores: how many; by default NPROC if it is set, or else the cores that this process may use.
        threads_per_core: in XLA's pool. Idle threads spin and take time from others, so one is fastest, and enough for fits. Give 2 if
            this process has programs of its own for these devices with operations that share work out to the pool and wait for it, such
            as batches of LAPACK's: each could wait for a thread that another holds, for ever.

    Raises:
        InputError: not a number of cores or threads, or JAX is in use already.
    """
    count = _usable_cores() if num_cores is None else num_cores
    if count < 1:
        raise InputError(f"num_cores is {count}: give at least 1, or None for all.")
    if threads_per_core < 1:
        raise InputError(f"threads_per_core is {threads_per_core}: give at least 1.")
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError as error:
        raise InputError(
            "JAX is in use already, and its devices cannot change any more: call use_all_cores first."
        ) from error
    if count > 1:
        os.environ["NPROC"] = str(threads_per_core * count)


def _usable_cores() -> int:
    setting = os.environ.get("NPROC", "")
    if setting.isdecimal() and int(setting) > 0:
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def replicated(devices: Sequence[Device]) -> NamedSharding:
    """Where an array is that every device has all of."""
    return NamedSharding(_mesh(devices), PartitionSpec())


def shard(
    function: Callable[[_Shared, _Personal], _Result], devices: Sequence[Device]
) -> Callable[[_Shared, _Personal], _Result]:
    """`function(shared, personal)`, run by each device for its part of the leading axis of `personal` and of the result.

    The parts do not wait for each other's loops.
    """
    everybody, own = PartitionSpec(), PartitionSpec(_AXIS)
    # Nothing is exchanged between devices, so there is nothing to check about what varies over them.
    return jax.shard_map(function, mesh=_mesh(devices), in_specs=(everybody, own), out_specs=own, check_vma=False)


def _mesh(devices: Sequence[Device]) -> Mesh:
    return Mesh(np.array(devices), (_AXIS,))
