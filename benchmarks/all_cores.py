"""Fits per second with a program on every core: in a process of its own, because JAX's devices are chosen before it is used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial

import jax

from benchmarks.draw import draw_keypoints
from benchmarks.timing import NUM_PEOPLE, fit_in_turn, median_seconds
from smplify_jax import use_all_cores


def measure_all_cores(layout: str, batch: int, num_runs: int) -> dict[str, float]:
    """Fits per second, and how many cores they keep busy."""
    call = f"from benchmarks.all_cores import tell; tell({layout!r}, {batch}, {num_runs})"
    told = subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told)


def tell(layout: str, batch: int, num_runs: int) -> None:
    """Measure in this process, and print it as JSON."""
    use_all_cores()
    people = draw_keypoints(layout, max(batch, NUM_PEOPLE))
    call = partial(fit_in_turn, *people, layout, batch, devices=jax.devices())
    call()
    work, wall = time.process_time(), time.perf_counter()
    took = median_seconds(call, num_runs)
    busy = (time.process_time() - work) / (time.perf_counter() - wall)
    of = f"{layout}/{batch}"
    print(json.dumps({f"all_cores_fits_per_second/{of}": len(people[0]) / took, f"all_cores_busy/{of}": busy}))
