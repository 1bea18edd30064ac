"""Loaders that break one promise each, for the tests of the fuzzer: targets as `benchmarks.fuzzing.targets` has them."""

from __future__ import annotations

import ctypes
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.prepared import Prepared, of_files
from benchmarks.fuzzing.promise import BrokenPromiseError, check_finite
from smplify_jax.errors import InputError

OPENPOSE = json.dumps({"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25}]}).encode()


def naive_openpose(folder: Path) -> Prepared:
    """OpenPose's JSON as it is read in many a script."""

    def read(path: Path, choices: Choices) -> bool:
        people = json.loads(path.read_bytes())["people"]
        keypoints = np.array([person["pose_keypoints_2d"] for person in people], float).reshape(len(people), -1, 3)
        check_finite("keypoints", keypoints)
        return len(people) > 0

    return of_files(folder, [OPENPOSE], "a.json", read)


def sound(folder: Path) -> Prepared:
    """Refuses whatever is not as it was."""

    def read(path: Path, choices: Choices) -> bool:
        if path.read_bytes() != OPENPOSE:
            raise InputError(f"{path}: is not as it was")
        return True

    return of_files(folder, [OPENPOSE], "a.json", read)


def _planted(fault):
    """A loader with a fault that one of four inputs shows."""

    def prepare(folder: Path) -> Prepared:
        def read(path: Path, choices: Choices) -> bool:
            if choices.one_in(4):
                fault()
            return True

        return of_files(folder, [OPENPOSE], "a.json", read)

    return prepare


def _raises(error):
    def fault():
        raise error

    return fault


def _hangs():
    while True:
        pass


def _is_busy():
    begin = time.process_time()
    while time.process_time() - begin < 0.4:
        pass


crash = _planted(lambda: ctypes.string_at(0))
leaves = _planted(lambda: os._exit(0))
hang = _planted(_hangs)
memory = _planted(lambda: bytearray(150 * 2**20))
slow = _planted(_is_busy)
exception = _planted(_raises(KeyError("people")))
warning = _planted(lambda: warnings.warn("overflow", RuntimeWarning, stacklevel=1))
promise = _planted(_raises(BrokenPromiseError("a joint of a usable person is not finite")))
message = _planted(_raises(InputError("")))
