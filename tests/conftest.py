"""Fixtures that several test files share."""

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from hypothesis import settings

# The first call of a JAX function compiles it, so a time limit per example says nothing; a fixed seed keeps the suite repeatable.
settings.register_profile("smplify_jax", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("smplify_jax")


_QUICK_COMPILATION = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"


def pytest_configure() -> None:
    """Most of the suite's time is compilation: make it quick, and let the worker processes of one run share compiled programs.

    Level 0 of XLA's optimisation would be quicker still, but measures a neck 5 % too narrow.
    Tracing makes millions of objects that stay, among which Python would look for garbage every 700.
    """
    gc.set_threshold(50_000, 20, 20)
    if "XLA_FLAGS" not in os.environ and _starts_with(_QUICK_COMPILATION):
        os.environ["XLA_FLAGS"] = _QUICK_COMPILATION
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "alone")
    folder = str(Path(tempfile.gettempdir()) / f"smplify_jax_tests_{run}")
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # there are thousands of small ones
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder  # for the programs that tests start
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def _starts_with(xla_flags: str) -> bool:
    """Whether this XLA knows the flags: it aborts the process over any that it does not know."""
    program = [sys.executable, "-c", "import jax; jax.jit(lambda: 0)()"]
    return subprocess.run(program, env={**os.environ, "XLA_FLAGS": xla_flags}, capture_output=True).returncode == 0


@pytest.fixture
def float64() -> Iterator[None]:
    """JAX in double precision. What was traced in single precision before is forgotten: JAX mixes the two up where they share a program."""
    jax.clear_caches()
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
    jax.clear_caches()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and detections that may not be in the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}")
    return folder
