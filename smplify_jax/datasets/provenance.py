"""Provenance of fits: everything besides the input that determines them."""

from __future__ import annotations

import dataclasses
import re
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
"""Increases when a column changes its meaning or is removed; a reader of version n reads files up to version n.

Version 1 had boxes already enlarged by the factor that is now the column `box_factor`, keypoints in lists of fixed size, NaN instead of
null and other names for the quality features. It did not state the body's gender or whether it is the open body.
"""

_PREFIX = "smplify_jax."

SMPL_JOINTS = 24


@dataclass(frozen=True)
class Provenance:
    """What a file of fits was made with; written into its metadata.

    Attributes:
        profile: name of the fitting profile.
        body_name: name of the body.
        body_hash: SHA-256 of the body's arrays.
        prior_hash: SHA-256 of the prior's arrays.
        layout: name of the keypoint layout. A file has one layout, which determines the length of the lists in its rows.
        library_version: release of this package.
        schema_version: version of the columns.
        body_gender: "neutral", "male" or "female", of the fitted body; "" if the body's file does not state it.
        is_open_body: whether the betas belong to an open body rather than to SMPL.
        statuses_with_body: codes of the column `status` for which there is a body, separated by commas. The file states them for
            releases that know fewer statuses and for readers without this package. "" means those of this release.
        num_joints: of the fitted body: 24 for SMPL, 52 for SMPL-H, 55 for SMPL-X. Files of version 0.1.0 do not
            state it, and count as SMPL's.
        input_hash: SHA-256 of everything that the fits and their rows depend on, by which a job recognises its input; "" if not used.
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
    num_joints: int = SMPL_JOINTS

    @classmethod
    def of(cls, profile: Profile, body: BodyModel, prior: PosePrior, layout: str) -> Provenance:
        """The provenance of fits that this release makes with these arguments."""
        # Imported late: reading files of fits does not need JAX.
        from smplify_jax.body.open_body import open_body_version
        from smplify_jax.files.content_hash import content_hash

        return cls(
            profile.name,
            body.name,
            content_hash(body),
            content_hash(prior),
            layout,
            smplify_jax.__version__,
            body_gender=body.gender or "",
            is_open_body=open_body_version(body.name) is not None,
            statuses_with_body=_statuses_with_body(),
            num_joints=body.num_joints,
        )

    def codes_with_body(self) -> list[int]:
        """The codes in `statuses_with_body` as integers."""
        return [int(code) for code in (self.statuses_with_body or _statuses_with_body()).split(",")]

    def metadata(self) -> dict[str, str]:
        """The metadata of a Parquet file: `smplify_jax.profile` and so on."""
        return {_PREFIX + name: str(value) for name, value in vars(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[bytes, bytes] | None, path: object) -> Provenance:
        """Read the provenance from a Parquet file's metadata.

        Raises:
            InputError: the file was not written by this package, or was written by a later version of it.
        """
        stored = {
            key.decode(errors="replace"): value.decode(errors="replace") for key, value in (metadata or {}).items()
        }
        number = stored.get(_PREFIX + "schema_version", "")
        codes = stored.get(_PREFIX + "statuses_with_body", "")
        if not _CODES.fullmatch(number) or "," in number or (codes and not _CODES.fullmatch(codes)):
            raise InputError(f"{path}: holds no fits of this package; give a file or folder that write_fits wrote.")
        if int(number) > SCHEMA_VERSION:
            raise InputError(
                f"{path}: has version {number} of the columns, and this release reads up to version {SCHEMA_VERSION}: "
                "update smplify-jax."
            )
        texts = {field.name: stored.get(_PREFIX + field.name, "") for field in dataclasses.fields(cls)}
        if int(number) < 2:
            texts |= _body_by_name(texts["body_name"])
        num_joints = texts["num_joints"] or str(SMPL_JOINTS)
        if not _CODES.fullmatch(num_joints) or "," in num_joints:
            raise InputError(
                f"{path}: says that the body has {num_joints!r} joints; give a file or folder that write_fits wrote."
            )
        numbers = {"schema_version": int(number), "num_joints": int(num_joints)}
        return cls(**{**texts, **numbers, "is_open_body": texts["is_open_body"] == str(True)})


_CODES = re.compile("[0-9]{1,9}(,[0-9]{1,9})*")
"""A whole number, or several."""


def _body_by_name(name: str) -> dict[str, str]:
    """The entries about the body that version 1 lacked. Its files are rare enough to import JAX for them."""
    from smplify_jax.body.folder import gender_of_file
    from smplify_jax.body.open_body import open_body_version

    is_open = open_body_version(name) is not None  # the neutral one: there was no other then
    gender = "neutral" if is_open else gender_of_file(Path(name)) or ""
    return {"body_gender": gender, "is_open_body": str(is_open), "statuses_with_body": "0,1"}


def _statuses_with_body() -> str:
    from smplify_jax.result import FitStatus

    return ",".join(str(int(status)) for status in FitStatus if status.is_usable)
