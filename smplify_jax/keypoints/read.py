"""Stream the people in a file or a folder, in any format of the registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from smplify_jax.errors import InputError
from smplify_jax.files.budget import ReadingTime, TimeIsUpError, check_limit
from smplify_jax.keypoints.formats.outside import file_name_as_text, printable
from smplify_jax.keypoints.formats.reading import LINKED_AGAIN, OTHER_FILE, KeypointFormat, ReadOptions, Row, Source
from smplify_jax.keypoints.formats.recognition import described, read_head
from smplify_jax.keypoints.formats.registry import FORMAT_NAMES, FORMATS, get_formats
from smplify_jax.keypoints.layouts import get_layout
from smplify_jax.keypoints.rows import PassedFile, RejectedRow

NO_OPTIONS = ReadOptions()

_RESULTS = (
    ("json object", {"program", "profile", "people"}),
    ("npz", {"keypoints", "global_orient", "transl", "cost"}),
)
"""Kind and names of the files that `smplify-fit` writes. They are not read as keypoints, because they may lie in the input's folder."""


def read_rows(
    path: str | os.PathLike[str],
    format: str | None = None,
    options: ReadOptions = NO_OPTIONS,
) -> Iterator[Row | PassedFile]:
    """Read people, holding only a few of them in memory at a time, and continue after records that cannot be used.

    Args:
        path: a file with any name, or a folder, whose files and subfolders are read in the order of their names. In a folder,
            only files with the suffix of some format are read.
        format: a key of `FORMATS`; by default recognised from the beginning of a file.
        options: what the files do not state.

    Yields:
        In the order of the files, a `DatasetRow` for each person and a `RejectedRow` for each unusable record; in a folder, also
        a `RejectedRow` for each unusable file and a `PassedFile` for each file of no known format.

    Raises:
        InputError: there is no such path, format or layout; the file cannot be used at all; or the folder has no keypoint file.
    """
    root = Path(path)
    formats = get_formats(format)
    if options.layout is not None:
        get_layout(options.layout)
    if root.is_dir():
        return _read_folder(root, formats, options)
    if not os.path.lexists(root):
        raise InputError(f"there is no file or folder '{path}'; check the path")
    return _read_file(Source(root, file_name_as_text(root.name), options), formats)


def _read_file(source: Source, formats: list[KeypointFormat]) -> Iterator[Row]:
    found = _recognised(source, formats)
    if isinstance(found, PassedFile):
        raise InputError(f"'{source.path}' is {found.reason}")
    return _rows(source, found)


def _rows(source: Source, known: KeypointFormat) -> Iterator[Row]:
    """The rows of a file; what is wrong with all of it is raised at once.

    Raises:
        InputError: whatever goes wrong: a file can hold what no reader thought of.
    """
    with _explained(source):
        time = ReadingTime(source.path)
        with time.running():
            rows = known.read(source)
    return _guarded(source, rows, time)


def _guarded(source: Source, rows: Iterator[Row], time: ReadingTime) -> Iterator[Row]:
    with _explained(source):
        # Until the first row, files tell what their people refer to; from there on, `rows_of` looks at the clock.
        with time.running():
            first = list(islice(rows, 1))
        yield from first
        yield from rows


@contextmanager
def _explained(source: Source) -> Iterator[None]:
    try:
        yield
    except TimeIsUpError as error:
        raise InputError(f"'{source.path}': {error}") from None
    except InputError:
        raise
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")
        raise InputError(
            f"'{source.path}' cannot be read ({reason}); it is damaged, or holds what no keypoint file has"
        ) from error


def _recognised(source: Source, formats: list[KeypointFormat]) -> KeypointFormat | PassedFile:
    """The format of a file; a `PassedFile` if it has none.

    Raises:
        InputError: the file is damaged, or cannot be opened.
    """
    with _explained(source), ReadingTime().running():
        head = read_head(source.path)
        chosen = next((known for known in formats if known.recognises(head)), None)
    if any(head.kind == kind and names <= set(head.names) for kind, names in _RESULTS):
        return PassedFile(source.name, "what smplify-fit wrote of a fit")
    if chosen is not None:
        return chosen
    if head.damage:
        raise InputError(f"'{source.path}' {head.damage}")
    return PassedFile(source.name, f"{described(head)}, which is {_no_format(formats)}")


def _no_format(formats: list[KeypointFormat]) -> str:
    """Description of a file that has none of the formats."""
    if len(formats) == len(FORMATS):
        return f"no known keypoint format ({', '.join(FORMAT_NAMES)})"
    return f"not of the format that was named: {', or '.join(known.description for known in formats)}"


def _read_folder(root: Path, formats: list[KeypointFormat], options: ReadOptions) -> Iterator[Row | PassedFile]:
    endings = tuple(sorted({ending for known in formats for ending in known.endings}))
    num_files = num_passed = 0
    for entry in _files(root, endings, options):
        num_files += 1
        source = Source(entry.path, file_name_as_text(entry.path.relative_to(root).as_posix()), options)
        try:
            if entry.complaint:
                raise InputError(entry.complaint)
            found = _recognised(source, formats)
            if isinstance(found, PassedFile):
                num_passed += 1
                options.pass_over(OTHER_FILE)
                yield found
            else:
                yield from _rows(source, found)
        except InputError as error:
            yield RejectedRow(source.name, "", printable(str(error)))
    if num_files == num_passed:
        raise InputError(
            f"the folder '{root}' holds no keypoint file among its {num_files} files that end in {', '.join(endings)}: "
            f"they are {_no_format(formats)}"
        )


class _Entry(NamedTuple):
    """A file of a folder; or a subfolder that cannot be read, and why."""

    path: Path
    complaint: str = ""


def _files(root: Path, endings: tuple[str, ...], options: ReadOptions) -> Iterator[_Entry]:
    """The files of a folder and its subfolders in the order of their names, hidden ones left out.

    A folder that several links lead to is read once, where it comes up first. A link to a folder above it is an entry that says so.
    """
    seen: set[_Identity] = set()
    levels = [_Level(iter([_Entry(root)]))]
    while levels:
        entry = next(levels[-1].entries, None)
        if entry is None:
            levels.pop()
        elif entry.complaint or not entry.path.is_dir():
            yield entry
        else:
            levels.append(_opened(entry.path, levels, seen, endings, options))


_Identity = tuple[int, int]
"""Device and number of a folder, by whatever name."""


class _Level(NamedTuple):
    """What is left to read of one folder."""

    entries: Iterator[_Entry]
    identity: _Identity | None = None


def _opened(
    folder: Path, levels: list[_Level], seen: set[_Identity], endings: tuple[str, ...], options: ReadOptions
) -> _Level:
    """What is read of one folder, or why it is not."""
    try:
        check_limit(len(levels), "folder_depth", f"the folder '{folder}' lies in others, and their number is")
        about = folder.stat()
        identity = (about.st_dev, about.st_ino)
        if any(level.identity == identity for level in levels):
            return _Level(iter([_Entry(folder, f"the folder '{folder}' is a link to one that it lies in")]))
        if identity in seen:
            options.pass_over(LINKED_AGAIN)
            return _Level(iter(()))
        seen.add(identity)
        return _Level(iter(_wanted(folder, endings, options)), identity)
    except InputError as error:
        complaint = str(error)
    except OSError as error:
        complaint = f"the folder '{folder}' cannot be read: {error.strerror or error}"
    return _Level(iter([_Entry(folder, complaint)]))


def _wanted(folder: Path, endings: tuple[str, ...], options: ReadOptions) -> list[_Entry]:
    """The subfolders of a folder, and the files that some format may have."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    wanted = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() or entry.name.lower().endswith(endings):
            wanted.append(_Entry(Path(entry.path)))
        else:
            options.pass_over(OTHER_FILE)
    return wanted
