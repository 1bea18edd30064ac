"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import jax


def describe_machine() -> dict[str, object]:
    """Processor, cores, versions and device: what times depend on.

    `load` is how many processes wanted to run in the minute before, this one included: well above one, the machine was not quiet.
    """
    return {
        "cpu": cpu_model(),
        "cores": num_cores(),
        "device": jax.devices()[0].device_kind,
        "platform": jax.default_backend(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": version("jaxlib"),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def cpu_model() -> str:
    """As Linux tells it; elsewhere what Python knows."""
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def num_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
