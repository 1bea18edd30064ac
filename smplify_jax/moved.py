"""Module paths that the documentation of version 0.1 named, for those who still import by them.

`smplify_jax/__init__.py` installs the finder. It goes with version 0.3.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

MOVED = {
    "smplify_jax.camera_conversions": "smplify_jax.camera.conversions",
    "smplify_jax.crop_box": "smplify_jax.camera.crop_box",
    "smplify_jax.datasets.readers": "smplify_jax.keypoints.formats",
    "smplify_jax.datasets.rows": "smplify_jax.keypoints.rows",
    "smplify_jax.devices": "smplify_jax.execution.devices",
    "smplify_jax.metrics": "smplify_jax.geometry.metrics",
    "smplify_jax.pictures.fit_overlay": "smplify_jax.result.overlay",
    "smplify_jax.pictures.images": "smplify_jax.files.images",
    "smplify_jax.profiles": "smplify_jax.fitting.profiles",
    "smplify_jax.skeleton": "smplify_jax.geometry.skeleton",
}
"""Old path to new; a package's modules move with it."""


class MovedModules(MetaPathFinder, Loader):
    """Imports a module from where it is now when an old path is asked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for the paths of MOVED; None for all others."""
        return spec_from_loader(fullname, self) if _new_path(fullname) else None

    def exec_module(self, module: ModuleType) -> None:
        """Let the old path stand for the module itself, not for a copy, so that classes stay the same."""
        old = module.__name__
        new = _new_path(old)
        assert new is not None  # find_spec looked
        # The importer's frames are skipped, and Python shows the warning to who runs the importing file.
        warnings.warn(f"{old} has moved: import {new}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = import_module(new)


def _new_path(path: str) -> str | None:
    for old, new in MOVED.items():
        if path == old or path.startswith(f"{old}."):
            return new + path.removeprefix(old)
    return None
