"""pyarrow, which only those need who read or write Parquet."""

from __future__ import annotations

from types import ModuleType

from smplify_jax.errors import InputError


def require_arrow() -> tuple[ModuleType, ModuleType]:
    """The modules pyarrow and pyarrow.parquet.

    Raises:
        InputError: they are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            "Parquet files need the package pyarrow, which is not installed: pip install 'smplify-jax[datasets]'."
        ) from None
    return pyarrow, pyarrow.parquet
