"""SHA-256 of a job's files of fits: a file that somebody or a disk has changed is told, and not taken for what was fitted.

Every process that writes files notes a file's sum before the file appears, in a list of its own, so that no two write to one: files that
appear have a sum, however the process ends. When the job is complete, the lists become one, which `sha256sum -c` reads, too.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from smplify_jax.datasets.parquet import FOLDER
from smplify_jax.errors import InputError
from smplify_jax.files.atomic import atomic_write, explained_write_errors
from smplify_jax.files.plain import open_plain, read_plain
from smplify_jax.keypoints.names import file_safe

SUMS = "SHA256SUMS"
"""The list of all files, in the folder above theirs."""

LISTS = "checksums"
"""The folder, beside it, of each process's."""

_BLOCK = 2**20

_LINE = re.compile(r"^([0-9a-f]{64})  (.+)$", re.MULTILINE)


class Checksums:
    """The sums of the files in FOLDER/parquet, as they were when this was made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._of: dict[str, set[str]] = defaultdict(set)
        lists = sorted((folder / LISTS).glob("*.txt")) if (folder / LISTS).is_dir() else []
        for path in (folder / SUMS, *lists):
            # There may be none yet, and others may write and gather them.
            with suppress(InputError):
                for digest, name in _LINE.findall(read_plain(path).decode(errors="replace")):
                    self._of[name].add(digest)

    def check(self, path: Path) -> None:
        """Make sure that a file is one that a job wrote under this name; a file of which there is no sum passes.

        Raises:
            InputError: it is not, or cannot be read.
        """
        expected = self._of.get(_name(path))
        if expected and _digest(path) not in expected:
            raise InputError(
                f"{path}: is not as it was written, for its SHA-256 is another one: the disk or somebody has changed it. Delete it and "
                f"resume the job, so that its people are fitted anew; if you changed it yourself, delete {SUMS} instead."
            )

    def gather(self, paths: Collection[Path]) -> None:
        """Write the one list of all files, and remove the lists of processes.

        Raises:
            InputError: that cannot be done.
        """
        lines = []
        for path in sorted(paths):
            # A file that was written twice has two sums in the lists; one of before there were lists has none.
            known = self._of.get(_name(path), set())
            digest = next(iter(known)) if len(known) == 1 else _digest(path)
            lines.append(f"{digest}  {_name(path)}\n")
        with atomic_write(self._folder / SUMS) as file:
            file.write("".join(lines).encode())
        remove_lists(self._folder)


def note(folder: Path, path: Path, content: bytes) -> None:
    """Note the sum of a file that this process is about to write.

    Raises:
        InputError: the note cannot be written.
    """
    lists = folder / LISTS
    # A process adds to its own list only: not all network disks add two processes' lines one after the other.
    own = lists / f"{file_safe(platform.node())}-{os.getpid()}.txt"
    with explained_write_errors(own):
        lists.mkdir(exist_ok=True)
        with own.open("ab") as file:
            # The line before it may be of a process of the same number that was killed in the middle of it.
            file.write(f"\n{hashlib.sha256(content).hexdigest()}  {_name(path)}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def remove_lists(folder: Path) -> None:
    """Remove the lists of processes."""
    with suppress(OSError):
        for path in (folder / LISTS).glob("*.txt"):
            path.unlink(missing_ok=True)
        (folder / LISTS).rmdir()


def check_files(paths: Collection[Path]) -> None:
    """Make sure that files of fits are as their jobs wrote them, as far as these noted sums.

    Raises:
        InputError: one is not.
    """
    of_folder: dict[Path, Checksums] = {}
    for path in paths:
        parent = path.absolute().parent
        if parent.name == FOLDER:
            if parent not in of_folder:
                of_folder[parent] = Checksums(parent.parent)
            of_folder[parent].check(path)


def _name(path: Path) -> str:
    return f"{FOLDER}/{path.name}"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open_plain(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    return digest.hexdigest()
