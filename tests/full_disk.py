"""A disk that is full."""

from contextlib import contextmanager

import pytest

from smplify_jax.files import atomic


@contextmanager
def full_disk(monkeypatch, name=""):
    """Files with that in their names cannot be written; skips the test where there is no device that is always full."""
    real_open = atomic.Path.open

    def open_on_full_disk(path, mode="r"):
        if name not in path.name:
            return real_open(path, mode)
        real_open(path, mode).close()
        return open("/dev/full", "wb", buffering=0)

    try:
        open("/dev/full", "wb").close()
    except OSError:
        pytest.skip("there is no /dev/full here")
    with monkeypatch.context() as patch:
        patch.setattr(atomic.Path, "open", open_on_full_disk)
        yield
