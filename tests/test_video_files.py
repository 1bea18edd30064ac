"""Videos read and written: upright, with the times of their frames, and in sentences where they cannot be read."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from videos import QUARTERS, SIZE, av, quarters, quarters_of, turn, write_noise, write_video

from smplify_jax.errors import InputError, InputWarning
from smplify_jax.files.budget import read_with
from smplify_jax.files.video import open_video
from smplify_jax.files.video_writing import video_writer

TICK = 1.5 / 60_000
"""Times are written in ticks, and rounded once more where they are read."""


def test_a_written_video_reads_back_with_its_picture_and_rate(tmp_path: Path):
    video = open_video(write_video(tmp_path / "a.mp4", np.arange(10) / 25))
    assert (video.size, video.num_frames) == (SIZE, 10)
    assert video.frame_rate == pytest.approx(25)
    frames = list(video.frames())
    assert len(frames) == 10
    assert {frame.image.shape for frame in frames} == {(SIZE[1], SIZE[0], 3)}
    assert quarters_of(frames[-1].image) == list(QUARTERS)
    middle = frames[0].image[16, 24].astype(int)
    assert np.abs(middle - QUARTERS["upper left"]).max() < 12  # what H.264 loses of a plain colour


def test_frames_have_the_times_at_which_they_are_shown(tmp_path: Path):
    times = np.cumsum([0.0, 0.04, 0.02, 0.1, 0.5, 1 / 30, 1 / 60])
    video = open_video(write_video(tmp_path / "variable.mp4", times))
    read = [frame.time_s for frame in video.frames()]
    np.testing.assert_allclose(read, times, atol=TICK)


def test_times_begin_with_the_first_frame(tmp_path: Path):
    read = [frame.time_s for frame in open_video(write_video(tmp_path / "late.mp4", 3 + np.arange(4) / 10)).frames()]
    np.testing.assert_allclose(read, np.arange(4) / 10, atol=TICK)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((0, 1, -1, 0), ["lower left", "upper left", "lower right", "upper right"]),  # a quarter turn clockwise
        ((-1, 0, 0, -1), ["lower right", "lower left", "upper right", "upper left"]),
        ((0, -1, 1, 0), ["upper right", "lower right", "upper left", "lower left"]),
        ((-1, 0, 0, 1), ["upper right", "upper left", "lower right", "lower left"]),  # a mirror, as of front cameras
    ],
)
def test_frames_are_turned_as_the_file_says(matrix: tuple[int, int, int, int], shown: list[str], tmp_path: Path):
    path = write_video(tmp_path / "turned.mp4", [0.0, 0.1])
    turn(path, matrix)
    video = open_video(path)
    assert video.size == (SIZE[::-1] if matrix[0] == 0 else SIZE)
    frame = next(video.frames())
    assert frame.image.shape[1::-1] == video.size
    assert quarters_of(frame.image) == shown
    half = (video.size[0] // 2, video.size[1] // 2)
    assert quarters_of(next(video.frames(half)).image) == shown


def test_a_video_can_be_read_again_and_left_early(tmp_path: Path):
    video = open_video(write_video(tmp_path / "a.mp4", np.arange(20) / 25))
    assert len(list(islice(video.frames(), 3))) == 3
    assert len(list(video.frames())) == 20


def test_a_video_with_a_damaged_middle_gives_its_other_frames_and_says_so(tmp_path: Path):
    path = write_noise(tmp_path / "damaged.mp4", 40)
    data = bytearray(path.read_bytes())
    packets = _packets(path)
    for position, size in packets[10:14]:
        data[position + 4 : position + size] = bytes(size - 4)
    path.write_bytes(data)
    with pytest.warns(InputWarning, match=r"damaged\.mp4: only \d+ frames can be read: \d+ pieces of it are damaged"):
        frames = list(open_video(path).frames())
    assert 20 < len(frames) < 40
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()


def _packets(path: Path) -> list[tuple[int, int]]:
    """Places and sizes of the pieces of a video, in the file."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def test_a_video_that_is_cut_off_gives_what_there_is_and_says_so(tmp_path: Path):
    whole = write_noise(tmp_path / "whole.mp4", 40)
    path = tmp_path / "cut.mkv"  # MP4 files have their contents' list at the end
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.warns(InputWarning, match=r"only \d+ of its \d+ frames can be read: it is cut off or damaged"):
        frames = list(open_video(path).frames())
    assert 5 < len(frames) < 35


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("text.mp4", b"hello, this is no video\n" * 100, "it is of another kind"),
        ("empty.mp4", b"", "is empty"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.mp4\n", "it is of another kind"),
        ("concat.mp4", b"ffconcat version 1.0\nfile other.mp4\n", "it is of another kind"),
    ],
)
def test_files_that_are_no_videos_are_said_to_be_none(name: str, content: bytes, words: str, tmp_path: Path):
    write_video(tmp_path / "other.mp4", [0.0, 0.1])
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*{words}"):
        open_video(tmp_path / name)


def test_a_picture_named_as_a_video_is_said_to_be_a_picture(tmp_path: Path):
    Image.fromarray(quarters()).save(tmp_path / "photo.png")
    path = (tmp_path / "photo.png").rename(tmp_path / "photo.mp4")
    with pytest.raises(InputError, match="it is a PNG picture; give an MP4"):
        open_video(path)


def test_an_mp4_without_its_end_is_said_to_be_cut_off(tmp_path: Path):
    path = write_video(tmp_path / "a.mp4", np.arange(10) / 25)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="it is cut off or damaged"):
        open_video(path)


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path):
    with pytest.raises(InputError, match="there is no such file"):
        open_video(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="folder"):
        open_video(tmp_path)


def test_sound_alone_is_no_video(tmp_path: Path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode()])
    with pytest.raises(InputError, match="no pictures"):
        open_video(tmp_path / "sound.mp4")


def test_codecs_that_no_camera_writes_are_refused_by_name(tmp_path: Path):
    with av.open(str(tmp_path / "odd.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = SIZE
        container.mux(stream.encode(av.VideoFrame.from_ndarray(quarters())))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="'ffv1', which is not read"):
        open_video(tmp_path / "odd.mkv")


def test_frames_larger_than_the_budget_are_refused(tmp_path: Path):
    path = write_video(tmp_path / "a.mp4", [0.0])
    with read_with(picture_pixels=1000), pytest.raises(InputError, match="picture_pixels"):
        open_video(path)


def test_a_video_appears_when_it_is_complete_and_not_before(tmp_path: Path):
    path = write_video(tmp_path / "a.mp4", [0.0, 0.1])
    before = path.read_bytes()

    def interrupted() -> None:
        with video_writer(path, SIZE, 25.0) as append:
            append(quarters(), 0.0)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        interrupted()
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.mp4"]


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path):
    path = write_video(tmp_path / "odd.mp4", [0.0], quarters((97, 65)))
    assert open_video(path).size == SIZE


def test_without_the_package_there_is_a_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_video(tmp_path / "a.mp4", [0.0])
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"pip install 'smplify-jax\[video\]'"):
        open_video(path)
