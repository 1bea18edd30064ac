"""Which video a person belongs to, and in which of its frames they are: from what files state, and from the names of pictures.

- A file that states the numbers of several frames (`frame_id`, lists of frames, DeepLabCut's lines, our `frames`) is a video.
- In other files the picture's name tells, or the name of the file where it has one picture: `walk_000000000012_keypoints.json` is frame 12
  of the video `walk`. Of several numbers in the names, the last one that differs between them is the frame's.
- People of pictures with names in different folders, or in files of several pictures each, are in different videos.

A name without a number is a picture alone: a video of one frame.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from smplify_jax.files.images import IMAGE_SUFFIXES

_NUMBER = re.compile(r"([0-9]+)")
_MAX_DIGITS = 15
_ENDINGS = frozenset({*IMAGE_SUFFIXES, ".json", ".npz", ".txt", ".csv", ".h5", ".xml", ".parquet"})
_SEPARATORS = " _-."
_WORDS_FOR_FRAMES = frozenset({"frame", "frames", "image", "images", "img", "im", "pic", "picture", "f"})
"""What a name has before its number without naming the video."""


class FramePlace(NamedTuple):
    """A frame of a video.

    Attributes:
        video: name of the video, unlike that of any other of the same call.
        frame: number of the frame.
    """

    video: str
    frame: int


class _Key(NamedTuple):
    """A video: the file or folder that it is in, the picture's folder, and what the names of its frames have beside their number."""

    container: str
    folder: str
    name: str = ""


def places_in_videos(
    files: Sequence[str], images: Sequence[str], frames: Sequence[int | None], *, has_short_names: bool = True
) -> tuple[FramePlace, ...]:
    """The video and frame of each of B people.

    Args:
        files: B paths of the files that the people were read from.
        images: B names of their pictures, with or without folders and endings; "" where unknown.
        frames: B numbers of frames as far as the files state them.
        has_short_names: whether videos have the shortest names that tell them apart, or those of their whole paths, which do not depend on
            what other videos there are.
    Returns:
        B places.
    """
    images = [image.replace("\\", "/") for image in images]
    content: dict[str, _File] = {}
    for file, image, frame in zip(files, images, frames, strict=True):
        content.setdefault(file, _File(set(), set())).add(image, frame)
    found = [_place(file, image, content[file]) for file, image in zip(files, images, strict=True)]
    names: dict[_Key, dict[str, None]] = {}
    for key, name in found:
        names.setdefault(key, {})[name] = None
    numbered = {key: _numbered(list(some)) for key, some in names.items()}
    places: list[tuple[_Key, int]] = []
    for (key, name), file, frame in zip(found, files, frames, strict=True):
        rest, number = ("", frame or 0) if content[file].is_video else numbered[key][name]
        places.append((key._replace(name=rest), number))
    shown = _shown(list(dict.fromkeys(key for key, _ in places)), is_short=has_short_names)
    return tuple(FramePlace(shown[key], number) for key, number in places)


def is_of_frames(images: Sequence[str], frames: Sequence[int | None]) -> bool:
    """Whether a file holds several pictures or frames, so that its videos are its own; those of other files go by their folder.

    Args:
        images: names of its people's pictures; "" where unknown.
        frames: numbers of their frames as far as it states them.
    """
    content = _File({image.replace("\\", "/") for image in images}, {frame for frame in frames if frame is not None})
    return len(content.images) > 1 or content.is_video


class _File(NamedTuple):
    """What a file's people say: the names of their pictures, and the numbers of their frames."""

    images: set[str]
    frames: set[int]

    def add(self, image: str, frame: int | None) -> None:
        self.images.add(image)
        if frame is not None:
            self.frames.add(frame)

    @property
    def is_video(self) -> bool:
        """Whether it states the frames of a video. Some programs write frames, each to a file of its own, as lists of one."""
        return len(self.frames) > 1


def _place(file: str, image: str, content: _File) -> tuple[_Key, str]:
    """The file or folder of a person's video, and the name of the frame in it."""
    parent, stem = _split(file)
    folder, name = _split(image)
    # Formats with a file for each picture take its folder for that of the picture.
    folder = "" if f"/{parent}".endswith(f"/{folder}") else folder
    if len(content.images) > 1:
        return _Key(posixpath.join(parent, stem), folder), name
    if content.is_video:
        return _Key(posixpath.join(parent, folder, name or stem), ""), ""
    return _Key(parent, folder), name or stem


def _split(path: str) -> tuple[str, str]:
    """Folder and name of a path, without the ending of a picture or file of keypoints; "" for a folder that is not there."""
    # Not by pathlib, which takes as long as reading the person.
    folder, name = posixpath.split(path)
    stem, ending = posixpath.splitext(name)
    return folder.removeprefix("./").removesuffix("/."), stem if ending.lower() in _ENDINGS else name


def _numbered(names: list[str]) -> dict[str, tuple[str, int]]:
    """For each name the rest of it and the frame's number, both of which tell it from the others.

    Names with numbers at the same places belong together.
    """
    pieces = {name: _NUMBER.split(name) for name in names}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        alike.setdefault(tuple(pieces[name][::2]), []).append(name)
    found: dict[str, tuple[str, int]] = {}
    for some in alike.values():
        count = len(pieces[some[0]]) // 2
        differing = [k for k in range(count) if len({pieces[name][2 * k + 1] for name in some}) > 1]
        at = 2 * (differing[-1] if differing else count - 1) + 1
        for name in some:
            words = pieces[name]
            if count == 0 or len(words[at]) > _MAX_DIGITS:
                found[name] = (name, 0)
                continue
            before, after = ("".join(part).strip(_SEPARATORS) for part in (words[:at], words[at + 1 :]))
            found[name] = ("_".join(filter(None, (before, after))), int(words[at]))
    return found


def _shown(keys: list[_Key], *, is_short: bool) -> dict[_Key, str]:
    """The unique name of each video: the last parts of its path, as many as it takes, or all."""
    parts = {key: _parts(key) for key in keys}
    shown: dict[_Key, str] = {}
    for length in range(1, max(map(len, parts.values()), default=0) + 1) if is_short else ():
        tails = {key: "/".join(parts[key][-length:]) for key in keys if key not in shown}
        times = Counter((*tails.values(), *shown.values()))
        shown |= {key: tail for key, tail in tails.items() if tail and times[tail] == 1}
    taken = set(shown.values())
    for key in keys:
        if key not in shown:
            name = "/".join(parts[key]) or "video"
            shown[key] = next(
                one for one in (name, *(f"{name}_{k}" for k in range(2, len(keys) + 2))) if one not in taken
            )
            taken.add(shown[key])
    return shown


def _parts(key: _Key) -> tuple[str, ...]:
    name = "" if key.name.lower() in _WORDS_FOR_FRAMES else key.name
    path = f"{key.container}/{key.folder}".split("/")
    return tuple(part for part in (*path, name) if part not in ("", ".", ".."))
