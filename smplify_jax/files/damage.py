"""Nothing but `InputError` leaves a reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from smplify_jax.errors import InputError

_MAX_REASON_LENGTH = 200


@contextmanager
def explained_damage(source: object, advice: str) -> Iterator[None]:
    """Say in one sentence whatever goes wrong in a `with` block: a damaged file leads code that trusts it to raise anything.

    Numbers that overflow raise no warning there; whoever needs them finite looks at them.

    Args:
        source: the file, for the message.
        advice: what to do, as the end of the sentence.
    Raises:
        InputError: in place of any other exception.
    """
    try:
        with np.errstate(all="ignore"):
            yield
    except InputError:
        raise
    except Exception as error:
        lines = str(error).splitlines() or [""]
        reason = f"{type(error).__name__}: {lines[0]}"[:_MAX_REASON_LENGTH]
        reason = "".join(letter if letter.isprintable() else "?" for letter in reason)
        raise InputError(f"{source}: is damaged ({reason}); {advice}") from error
