"""Fixtures that several test files share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from hypothesis import settings

# The first call of a JAX function compiles it, so a time limit per example says nothing; a fixed seed keeps the suite repeatable.
settings.register_profile("smplify_jax", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("smplify_jax")


def pytest_configure() -> None:
    """Let the worker processes of one run share what they compile: most of the suite's time is compilation."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "alone")
    folder = str(Path(tempfile.gettempdir()) / f"smplify_jax_tests_{run}")
    jax.config.update("jax_compilation_cache_dir", folder)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder  # for the programs that tests start


@pytest.fixture
def float64() -> Iterator[None]:
    """JAX in double precision. What was traced in single precision before is forgotten: JAX mixes the two up where they share a program."""
    jax.clear_caches()
    with jax.enable_x64(True):
        yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and detections that may not be in the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}")
    return folder
