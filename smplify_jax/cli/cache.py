"""Put JAX's compilation cache in the user's cache folder, so that the second run starts seconds sooner."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import jax


def cache_folder() -> Path:
    """Folder for compiled programs: under XDG_CACHE_HOME, or ~/.cache.

    Source: XDG Base Directory Specification, which says to ignore a relative XDG_CACHE_HOME.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".cache"
    return base / "smplify_jax" / "compiled"


def use_compilation_cache() -> str | None:
    """Turn the cache on for this process.

    Only the commands do this, never the library: a global setting belongs to the program, not to one of its libraries.

    Returns:
        None, or a sentence that says why there is no cache.
    """
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        # A folder may exist but not be writable; JAX would then warn at every compilation.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError) as error:
        return f"compiled programs are not kept for the next run: {error}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    return None
