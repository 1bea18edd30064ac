"""Several devices: GPUs, or the cores of a CPU as separate devices."""

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

    A program of small operations keeps little more than one core busy; one program on each core keeps all of them busy. This sets JAX's
    `jax_num_cpu_devices` and the environment variable NPROC, the size of XLA's thread pool, for the whole process. So call it from your
    program, before JAX is first used; the library never calls it.

    Args:
        num_cores: how many; by default NPROC if it is set, otherwise the cores that this process may use.
        threads_per_core: in XLA's pool. Idle threads spin and take time from others, so one is fastest, and enough for fits. Give 2 if
            this process runs other programs on these devices whose operations distribute work over the pool and wait for it, such as
            batched LAPACK calls: with one thread per core they can deadlock, each waiting for a thread that another holds.

    Raises:
        InputError: a number is less than 1, or JAX is in use already.
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
    """The sharding of an array of which every device holds a full copy."""
    return NamedSharding(_mesh(devices), PartitionSpec())


def shard(
    function: Callable[[_Shared, _Personal], _Result], devices: Sequence[Device]
) -> Callable[[_Shared, _Personal], _Result]:
    """`function(shared, personal)`, run by each device on its shard of the leading axis of `personal` and of the result.

    Shards do not wait for each other's loops.
    """
    replicated_spec, sharded_spec = PartitionSpec(), PartitionSpec(_AXIS)
    specs = (replicated_spec, sharded_spec)
    # Devices exchange nothing, so there is no need to check which values vary over them.
    return jax.shard_map(function, mesh=_mesh(devices), in_specs=specs, out_specs=sharded_spec, check_vma=False)


def _mesh(devices: Sequence[Device]) -> Mesh:
    return Mesh(np.array(devices), (_AXIS,))
