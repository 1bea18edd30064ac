"""JAX's compilation cache in the user's cache folder: the second run starts seconds sooner."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import jax


def cache_folder() -> Path:
    """Where compiled programs are kept: under XDG_CACHE_HOME, or ~/.cache.

    Source: XDG Base Directory Specification; it says that a relative XDG_CACHE_HOME is to be ignored.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".cache"
    return base / "smplify_jax" / "compiled"


def use_compilation_cache() -> str | None:
    """Turn the cache on for this process.

    The library never does: a global setting belongs to the program, not to a part of it.

    Returns:
        None, or why there is no cache.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        # A folder may exist and still refuse files, and JAX would say so at every function.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:
        return f"compiled programs are not kept for the next run: {error}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    return None
