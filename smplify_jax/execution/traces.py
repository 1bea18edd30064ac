"""Traced programs, cached on disk beside the compiled programs that JAX caches.

JAX looks up a compiled program by its trace. Without cached traces, a process would spend three seconds tracing a fit only to find a
program that loads in half a second. A trace is kept as `jax.export` writes it, under a name made of everything that determines it: our
source, JAX's version, the function, and the shapes and static parts of its arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jax import export

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write

_Kind = TypeVar("_Kind", bound=type)

_SPECIAL = ("jax_default_device", "jax_disable_jit", "jax_debug_nans", "jax_debug_infs", "jax_enable_x64")
_DIGEST_SIZE = hashlib.sha256().digest_size


def traces_folder() -> Path | None:
    """Where traces are kept: in the folder of JAX's compilation cache.

    None if JAX has no such folder on disk, or if its flags would change how a program is traced or placed.
    """
    folder, *is_special = (getattr(jax.config, name) for name in ("jax_compilation_cache_dir", *_SPECIAL))
    return None if not folder or "://" in folder or any(is_special) else Path(folder) / "smplify_jax_traces"


def kept_trace(
    folder: Path, function: Callable[..., Any], leaves: Sequence[Any], tree: Any
) -> Callable[..., Any] | None:
    """The function of a pytree's leaves, read from the folder, or traced and written there; None if JAX cannot export it."""
    path = folder / _name(function, leaves, tree)
    trace = _read(path)
    if jax.__version_info__ < (0, 10):
        _load_lapack()
    if trace is None:
        try:
            trace = export.export(jax.jit(flat(function, tree)))(*leaves)
            written = bytes(trace.serialize())
        except (ValueError, NotImplementedError):
            return None
        with suppress(OSError, InputError):  # such as a full disk: the trace can be used all the same
            _write(path, written)
    return trace.call


def kept_in_traces(kind: _Kind) -> _Kind:
    """Let an exported function return this dataclass, whose fields must all be arrays or pytrees of arrays."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    export.register_pytree_node_serialization(
        kind, serialized_name=name, serialize_auxdata=lambda _: b"", deserialize_auxdata=lambda _: ()
    )
    return kind


def _load_lapack() -> None:
    """Load LAPACK, which JAX before 0.10 does only where a program that calls it is traced: one that was read would crash the process.

    Source: github.com/jax-ml/jax/issues/29610.
    """
    from jaxlib import lapack

    lapack.prepare_lapack_call("potrf_ffi", np.dtype(np.float32))


def flat(function: Callable[..., Any], tree: Any) -> Callable[..., Any]:
    """`function` as a function of the leaves of its arguments."""
    return lambda *leaves: function(*jax.tree.unflatten(tree, leaves))


def _name(function: Callable[..., Any], leaves: Sequence[Any], tree: Any) -> str:
    arrays = [(leaf.shape, str(leaf.dtype), bool(getattr(leaf, "weak_type", False))) for leaf in leaves]
    name = f"{function.__module__}.{function.__qualname__}"
    parts = (_sources(), version("jax"), version("jaxlib"), jax.default_backend(), name, str(tree), str(arrays))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _sources() -> str:
    """Digest of all source of this package: the version alone does not change with every edit."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> export.Exported | None:
    """None if there is no such file, or its content does not match its digest."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    digest, trace = stored[:_DIGEST_SIZE], stored[_DIGEST_SIZE:]
    return export.deserialize(bytearray(trace)) if hashlib.sha256(trace).digest() == digest else None


def _write(path: Path, trace: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(hashlib.sha256(trace).digest() + trace)
