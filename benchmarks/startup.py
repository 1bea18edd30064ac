"""Time of `smplify-fit` from its start to its files, in separate processes, as for users."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.timing import seconds
from smplify_jax.cli.example import EXAMPLE_KEYPOINTS, EXAMPLE_PICTURE

_PROGRAM_MODULES = "smplify_jax.cli.example, smplify_jax.cli.batches, smplify_jax.cli.inputs, smplify_jax.cli.outputs"
"""Modules that the command imports, at first and after reading its options."""


def measure_startup(num_runs: int) -> dict[str, float]:
    """Seconds for one person and their picture, without and with compiled programs in the cache; for all imports, and for JAX's alone."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        out = Path(folder) / "fits"

        # The console script `smplify-fit` calls the same function; this finds it without PATH.
        command = [sys.executable, "-m", "smplify_jax.cli.fit", str(EXAMPLE_KEYPOINTS), "--image", str(EXAMPLE_PICTURE)]

        def fit_one() -> None:
            _run([*command, "--out", str(out)], environment)
            if not (out / "summary.json").is_file():
                raise RuntimeError("smplify-fit wrote no summary.json.")

        cold = seconds(fit_one)
        warm = median(seconds(fit_one) for _ in range(num_runs))
    return {
        "command_cold_s": cold,
        "command_warm_s": warm,
        "command_import_s": _import_seconds(_PROGRAM_MODULES, num_runs),
        "import_jax_s": _import_seconds("jax", num_runs),
    }


def _import_seconds(modules: str, num_runs: int) -> float:
    """Seconds to import modules in a new Python process, including its own start of about 20 ms."""
    importing = partial(_run, [sys.executable, "-c", f"import {modules}"], dict(os.environ))
    importing()  # fills the system's file cache
    return median(seconds(importing) for _ in range(num_runs))


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
