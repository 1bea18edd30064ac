"""Detectors by name, and which of them are installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from smplify_jax.detectors.detector import Detector  # NumPy, which --help need not wait for


@dataclass(frozen=True)
class DetectorEntry:
    """How to get a detector.

    Attributes:
        adapter: module with a function `make()`, which returns the `Detector`.
        packages: what it imports.
        install: the line that installs it.
        takes_model: whether `make` takes a model, the name of a file or of one of its own.
    """

    adapter: str
    packages: tuple[str, ...]
    install: str
    takes_model: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether all packages can be imported, as far as that can be told without importing them."""
        return all(find_spec(package) is not None for package in self.packages)


DETECTORS: dict[str, DetectorEntry] = {
    "mediapipe": DetectorEntry(
        "smplify_jax.detectors.mediapipe", ("mediapipe",), 'pip install "smplify-jax[detect]"  (Python 3.11 or 3.12)'
    ),
    "rtmlib": DetectorEntry(
        "smplify_jax.detectors.rtmlib", ("rtmlib", "onnxruntime"), 'pip install "smplify-jax[rtmlib]"'
    ),
    "ultralytics": DetectorEntry(
        "smplify_jax.detectors.ultralytics",
        ("ultralytics",),
        "pip install ultralytics lap  (its licence is the AGPL-3.0)",
        takes_model=True,
    ),
}
"""All detectors; the first that is installed is the default."""


def check_detector(name: str | None, model: str | None = None) -> None:
    """Check the name of a detector, and whether it takes a model; None, the default, is fine.

    Raises:
        InputError: there is no such detector, or a model is given to one that takes none.
    """
    if name is not None and name not in DETECTORS:
        raise InputError(f"there is no detector {name!r}: use one of {', '.join(DETECTORS)}")
    if model is not None and (name is None or not DETECTORS[name].takes_model):
        takers = ", ".join(one for one, entry in DETECTORS.items() if entry.takes_model)
        raise InputError(f"the model {model} is for a detector that takes one: use it with {takers}")


def get_detector(name: str | None = None, model: str | None = None) -> Detector:
    """The detector of that name, ready to use.

    Args:
        name: a key of `DETECTORS`; by default the first that is installed.
        model: the file or name of its model, where it takes one; by default its own.

    Raises:
        InputError: there is no such detector, it is not installed, takes no model, or cannot be started; the message says what to do.
    """
    check_detector(name, model)
    if name is None:
        name = next((one for one, entry in DETECTORS.items() if entry.is_installed), None)
        if name is None:
            first = next(iter(DETECTORS.values()))
            raise InputError(f"no program that finds keypoints in pictures is installed: {first.install}")
    entry = DETECTORS[name]
    if not entry.is_installed:
        raise InputError(f"the detector {name} is not installed: {entry.install}")
    try:
        make = import_module(entry.adapter).make
        return make() if model is None else make(model)
    except ImportError as error:  # such as of a library of the system that OpenCV needs
        raise InputError(
            f"the detector {name} is installed but cannot be imported ({error}): {entry.install}"
        ) from error
