"""The placeholder for a body in a pickled result: its name, and what identifies the body when it is given back.

A body is twenty megabytes and a person's fit a few kilobytes, so results travel between processes without it. Unpickling restores
open bodies; any other body comes from the user's file, which may not be there, and must be given back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from smplify_jax.body.load import shipped_body
from smplify_jax.body.model import BodyModel
from smplify_jax.body.open_body import open_body_version
from smplify_jax.errors import InputError
from smplify_jax.files.content_hash import content_hash


@dataclass(frozen=True)
class MissingBody:
    """The body of an unpickled result until `FitResult.with_body` gives it back; using it raises `InputError`.

    Attributes:
        name: the body's.
        num_betas: its number of shape directions.
        content: SHA-256 of its arrays, by which it is recognised.
    """

    name: str
    num_betas: int
    content: str

    def __getattr__(self, attribute: str) -> NoReturn:
        """Raise InputError for any attribute of a body."""
        if attribute.startswith("_"):  # Python's own protocols probe for these
            raise AttributeError(attribute)
        raise InputError(
            f"This result was unpickled without its body {self.name!r}, of {self.num_betas} betas: "
            "give it back with result = result.with_body(body)."
        )


def reference_to(body: BodyModel | MissingBody) -> MissingBody:
    """The placeholder for a body."""
    return body if isinstance(body, MissingBody) else MissingBody(body.name, body.num_betas, _content(body))


def restored_body(reference: MissingBody) -> Any:
    """The open body of the reference's name, if this release has the same one; otherwise the reference itself."""
    version = open_body_version(reference.name)
    if version is None:
        return reference
    try:
        body = shipped_body(reference.num_betas, version)
    except InputError:  # of a release whose open body had more betas
        return reference
    return body if _content(body) == reference.content else reference


@lru_cache(maxsize=4)
def _content(body: BodyModel) -> str:
    """Cached by the body's identity, because hashing a body takes as long as reading one."""
    return content_hash(body)
