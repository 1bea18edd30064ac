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


def measure_all_cores(layout: str, batch: int, num_runs: int, num_starts: int | None = None) -> dict[str, float]:
    """Fits per second, and how many cores they keep busy; by the network, or by searched starts in its place."""
    call = f"from benchmarks.all_cores import tell; tell({layout!r}, {batch}, {num_runs}, {num_starts})"
    output = subprocess.run([sys.executable, "-c", call], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output)


def tell(layout: str, batch: int, num_runs: int, num_starts: int | None) -> None:
    """Measure in this process, and print it as JSON."""
    use_all_cores()
    people = draw_keypoints(layout, max(batch, NUM_PEOPLE))
    call = partial(fit_in_turn, *people, layout, batch, num_starts, jax.devices())
    call()
    work, wall = time.process_time(), time.perf_counter()
    took = median_seconds(call, num_runs)
    busy = (time.process_time() - work) / (time.perf_counter() - wall)
    how, of = "" if num_starts is None else f"_{num_starts}_starts", f"{layout}/{batch}"
    rate = len(people[0]) / took
    print(json.dumps({f"all_cores_fits_per_second{how}/{of}": rate, f"all_cores_busy{how}/{of}": busy}))
