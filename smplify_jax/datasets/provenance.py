"""Where fits come from: what must be the same for them to come out the same."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import smplify_jax
from smplify_jax.errors import InputError

if TYPE_CHECKING:
    from smplify_jax.body.model import BodyModel
    from smplify_jax.fitting.stages import Profile
    from smplify_jax.prior.mixture import PosePrior

SCHEMA_VERSION = 2
"""Counts up when a column changes its meaning or goes; readers of version n read files up to n.

Version 1 had boxes enlarged by the factor that is now the column `box_factor`, keypoints in lists of fixed size, NaN for null, other names
for the quality features, and did not say the body's gender and whether it is the open one.
"""

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
        body_gender: "neutral", "male" or "female": of the body that was fitted; "" if its file does not tell.
        is_open_body: whether the betas are the open body's, and not SMPL's.
        statuses_with_body: codes of the column `status` that mean that there is a body, separated by commas: a file says it
            itself, to releases that know fewer of them and to readers who do without this package. "" for those of this release.
        input_hash: SHA-256 of all that the fits and their rows were made of, by which a job knows its input again; "" where nobody asks.
    """

    profile: str
    body_name: str
    body_hash: str
    prior_hash: str
    layout: str
    library_version: str
    schema_version: int = SCHEMA_VERSION
    body_gender: str = ""
    is_open_body: bool = False
    statuses_with_body: str = ""
    input_hash: str = ""

    @classmethod
    def of(cls, profile: Profile, body: BodyModel, prior: PosePrior, layout: str) -> Provenance:
        """What fits with these are made with."""
        # Imported late: who reads files of fits has no use for JAX.
        from smplify_jax.body.open_body import OPEN_BODY_NAME
        from smplify_jax.files.content_hash import content_hash

        return cls(
            profile.name,
            body.name,
            content_hash(body),
            content_hash(prior),
            layout,
            smplify_jax.__version__,
            body_gender=body.gender or "",
            is_open_body=body.name == OPEN_BODY_NAME,
            statuses_with_body=_statuses_with_body(),
        )

    def codes_with_body(self) -> list[int]:
        """What `statuses_with_body` says."""
        return [int(code) for code in (self.statuses_with_body or _statuses_with_body()).split(",")]

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
        if int(number) < 2:
            texts |= _body_by_name(texts["body_name"])
        return cls(**{**texts, "schema_version": int(number), "is_open_body": texts["is_open_body"] == str(True)})


def _body_by_name(name: str) -> dict[str, str]:
    """What version 1 did not say of a body; files that it wrote are read seldom enough to import JAX for it."""
    from smplify_jax.body.folder import gender_of_file
    from smplify_jax.body.open_body import OPEN_BODY_NAME

    is_open = name == OPEN_BODY_NAME
    gender = "neutral" if is_open else gender_of_file(Path(name)) or ""
    return {"body_gender": gender, "is_open_body": str(is_open), "statuses_with_body": "0,1"}


def _statuses_with_body() -> str:
    from smplify_jax.result import FitStatus

    return ",".join(str(int(status)) for status in FitStatus if status.is_usable)
