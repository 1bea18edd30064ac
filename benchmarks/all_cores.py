"""Fits per second with a program on every core: in a process of its own, because JAX's devices are chosen before it is used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial

import jax

from benchmarks.draw import draw_keypoints
from benchmarks.timing import median_seconds, ready_fit
from smplify_jax import use_all_cores


def measure_all_cores(layout: str, num_people: int, num_runs: int) -> dict[str, float]:
    """Fits per second, and how many cores they keep busy."""
    call = f"from benchmarks.all_cores import tell; tell({layout!r}, {num_people}, {num_runs})"
    told = subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told)


def tell(layout: str, num_people: int, num_runs: int) -> None:
    """Measure in this process, and print it as JSON."""
    use_all_cores()
    call = partial(ready_fit, *draw_keypoints(layout, num_people), layout, None, devices=jax.devices())
    call()
    work, wall = time.process_time(), time.perf_counter()
    took = median_seconds(call, num_runs)
    busy = (time.process_time() - work) / (time.perf_counter() - wall)
    of = f"{layout}/{num_people}"
    print(json.dumps({f"all_cores_fits_per_second/{of}": num_people / took, f"all_cores_busy/{of}": busy}))
