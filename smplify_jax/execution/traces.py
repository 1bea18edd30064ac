"""Traced programs, kept from one process to the next beside those that JAX keeps compiled.

JAX finds a compiled program by what it was traced to. So without these a process traces a fit anew, for three seconds, to learn what to
read in half a second. A trace is kept as `jax.export` writes it, under a name made of everything that decides it: our source,
JAX's version, the function, and the shapes and fixed parts of its arguments.
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
from jax import export

from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write

_Kind = TypeVar("_Kind", bound=type)

_SPECIAL = ("jax_default_device", "jax_disable_jit", "jax_debug_nans", "jax_debug_infs", "jax_enable_x64")
_DIGEST_SIZE = hashlib.sha256().digest_size


def traces_folder() -> Path | None:
    """Where traces are kept: in JAX's own folder of compiled programs.

    None if it has none on a disk, or is set such that it would trace or place a program in another way than usual.
    """
    folder, *is_special = (getattr(jax.config, name) for name in ("jax_compilation_cache_dir", *_SPECIAL))
    return None if not folder or "://" in folder or any(is_special) else Path(folder) / "smplify_jax_traces"


def kept_trace(
    folder: Path, function: Callable[..., Any], leaves: Sequence[Any], tree: Any
) -> Callable[..., Any] | None:
    """The function of a tree's leaves, read from the folder, or traced and written there; None if JAX cannot export it."""
    path = folder / _name(function, leaves, tree)
    trace = _read(path)
    if trace is None:
        try:
            trace = export.export(jax.jit(flat(function, tree)))(*leaves)
            written = bytes(trace.serialize())
        except (ValueError, NotImplementedError):
            return None
        with suppress(OSError, InputError):  # a full disk: what was traced is as good without
            _write(path, written)
    return trace.call


def kept_in_traces(kind: _Kind) -> _Kind:
    """Let a traced function return this dataclass, all of whose fields are arrays or trees of them."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    export.register_pytree_node_serialization(
        kind, serialized_name=name, serialize_auxdata=lambda _: b"", deserialize_auxdata=lambda _: ()
    )
    return kind


def flat(function: Callable[..., Any], tree: Any) -> Callable[..., Any]:
    """The function of the leaves of a tuple of arguments."""
    return lambda *leaves: function(*jax.tree.unflatten(tree, leaves))


def _name(function: Callable[..., Any], leaves: Sequence[Any], tree: Any) -> str:
    arrays = [(leaf.shape, str(leaf.dtype), bool(getattr(leaf, "weak_type", False))) for leaf in leaves]
    name = f"{function.__module__}.{function.__qualname__}"
    parts = (_sources(), version("jax"), version("jaxlib"), jax.default_backend(), name, str(tree), str(arrays))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _sources() -> str:
    """Of all code of this package: a version says too little to those who change it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path) -> export.Exported | None:
    """None if there is no such file, or it is not what was written."""
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
