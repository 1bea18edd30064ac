"""Where fits come from: what must be the same for them to come out the same."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from smplify_jax.body.model import BodyModel
from smplify_jax.errors import InputError
from smplify_jax.files.content_hash import content_hash
from smplify_jax.fitting.stages import Profile
from smplify_jax.prior.mixture import PosePrior

SCHEMA_VERSION = 2
"""Counts up when a column changes its meaning or goes; readers of version n read files up to n."""

_PREFIX = "smplify_jax."


@dataclass(frozen=True)
class Provenance:
    """What a file of fits was made with; written into its metadata.

    Attributes:
        profile: name of the recipe.
        body_name: name of the body.
        body_hash: SHA-256 of the body's arrays.
        prior_hash: SHA-256 of the prior's arrays.
        layout: name of the keypoint layout, one per file: it fixes the length of the rows' lists.
        library_version: release of this package.
        schema_version: of the columns.
    """

    profile: str
    body_name: str
    body_hash: str
    prior_hash: str
    layout: str
    library_version: str
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of(cls, profile: Profile, body: BodyModel, prior: PosePrior, layout: str) -> Provenance:
        """What fits with these are made with."""
        try:
            library_version = version("smplify-jax")
        except PackageNotFoundError:
            library_version = "unknown"
        return cls(profile.name, body.name, content_hash(body), content_hash(prior), layout, library_version)

    def metadata(self) -> dict[str, str]:
        """As the metadata of a Parquet file: `smplify_jax.profile` and so on."""
        return {_PREFIX + name: str(value) for name, value in vars(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[bytes, bytes] | None, path: object) -> Provenance:
        """Read it back.

        Raises:
            InputError: the file was not written by this package, or by a later version of it.
        """
        stored = {
            key.decode(errors="replace"): value.decode(errors="replace") for key, value in (metadata or {}).items()
        }
        number = stored.get(_PREFIX + "schema_version", "")
        if not number.isdecimal():
            raise InputError(f"{path}: holds no fits of this package; give a file or folder that write_fits wrote.")
        if int(number) > SCHEMA_VERSION:
            raise InputError(
                f"{path}: has version {number} of the columns and this release reads up to {SCHEMA_VERSION}: "
                "update smplify-jax."
            )
        texts = {field.name: stored.get(_PREFIX + field.name, "") for field in dataclasses.fields(cls)}
        return cls(**{**texts, "schema_version": int(number)})
