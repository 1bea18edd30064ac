"""Ctrl-C and SIGTERM, sent to the commands in processes of their own while they compile their first fits on a cold cache."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from command_line import DETECTIONS, REPOSITORY, one_sentence
from dataset_jobs import write_coco

from smplify_jax.cli.dataset import main
from smplify_jax.datasets.parquet import read_fits
from smplify_jax.result import FitResult

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}

FAREWELL = {
    "smplify-fit": "stopped; results written so far are complete: run the command again for the rest.",
    "smplify-fit-dataset": "stopped; continue with --resume: only the unfinished batches are fitted again.",
}

SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, {handler})
from smplify_jax.cli.{module} import main
sys.argv = {argv!r}
sys.exit(main())
"""

SECONDS_TO_END = 5.0
"""A fit compiles for longer, also on a fast machine, and a process that waited for it would not be stopped at once."""


SECONDS_TO_BE_STOPPED = 1.0
"""In which a process that does not ignore a signal ends; one that takes longer has its exit status, not that of the next."""


@contextmanager
def _started(program, arguments, cache, handler="signal.default_int_handler"):
    """Whatever the tests were started with, the program is started as from a terminal; what it compiles is told on stderr."""
    module = {"smplify-fit": "fit", "smplify-fit-dataset": "dataset"}[program]
    script = SCRIPT.format(handler=handler, module=module, argv=[program, *map(str, arguments), "--no-cache"])
    env = {**os.environ, "JAX_LOG_COMPILES": "1", "JAX_PLATFORMS": "cpu"}
    env |= {} if cache is None else {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _rest(process):
    """What it says until it ends."""
    assert process.stderr is not None
    return process.stderr.read()


def _wait_until_it_compiles(process):
    """The fit, that is, which takes seconds; the commands compile it under these names."""
    while True:
        line = process.stderr.readline()
        assert line, "it has ended before"
        if line.startswith(("Compiling jit(call)", "Compiling jit(fit_people)")):
            return


@pytest.mark.parametrize(
    ("program", "number", "seconds"),
    [
        ("smplify-fit", signal.SIGINT, 3.0),
        ("smplify-fit", signal.SIGTERM, 0.5),
        ("smplify-fit-dataset", signal.SIGINT, 0.5),
        ("smplify-fit-dataset", signal.SIGTERM, 3.0),
    ],
)
def test_a_command_that_is_stopped_while_it_compiles_ends_at_once_with_a_sentence(program, number, seconds, tmp_path):
    """Half a second later JAX hands the program to XLA, 3 seconds later XLA compiles it."""
    source = DETECTIONS if program == "smplify-fit" else write_coco(tmp_path / "people.json", [_person()])
    with _started(program, [source, "--out", tmp_path / "out"], tmp_path / "cold") as process:
        _wait_until_it_compiles(process)
        time.sleep(seconds)
        start = time.monotonic()
        process.send_signal(number)
        said = _rest(process)
        assert process.wait(timeout=120) == STATUS[number]
        assert time.monotonic() - start < SECONDS_TO_END
    told = "\n".join(line for line in said.splitlines() if line.startswith("smplify"))
    assert one_sentence(told, program).endswith(FAREWELL[program])
    assert "Traceback" not in said
    assert not list((tmp_path / "out").glob("*.npz"))


def _person():
    flat = np.ones((17, 3))
    flat[:, :2] = np.random.default_rng(0).uniform(100, 400, (17, 2))
    return flat.ravel().tolist()


def test_a_job_that_was_stopped_goes_on(tmp_path, capsys):
    people = write_coco(tmp_path / "people.json", [_person()] * 3)
    # The cheapest fit. It goes on in this process, which may have compiled it before.
    arguments = [people, "--out", tmp_path / "out", "--profile", "plain", "--num-starts", "1"]
    with _started("smplify-fit-dataset", arguments, tmp_path / "cold") as process:
        _wait_until_it_compiles(process)
        process.send_signal(signal.SIGTERM)
        _rest(process)
        assert process.wait(timeout=120) == STATUS[signal.SIGTERM]
    assert not list((tmp_path / "out").rglob("*.parquet"))
    assert main([*map(str, arguments), "--no-cache", "--resume"]) == 0, capsys.readouterr().err
    assert [len(batch) for batch in read_fits(tmp_path / "out")] == [3]
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_signal_that_is_to_be_ignored_is(tmp_path):
    """As of what a shell runs in the background; the other one still ends it."""
    with _started(
        "smplify-fit", [DETECTIONS, "--out", tmp_path / "out"], tmp_path / "cold", "signal.SIG_IGN"
    ) as process:
        _wait_until_it_compiles(process)
        process.send_signal(signal.SIGINT)
        time.sleep(SECONDS_TO_BE_STOPPED)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _rest(process)
        assert process.wait(timeout=120) == STATUS[signal.SIGTERM]


VIDEO_SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that started the tests in the background has it ignored
import numpy as np
from pathlib import Path
from videos import Scripted, write_video
from smplify_jax import load_body
from smplify_jax.cli import video_command
from smplify_jax.cli.fit import main
from smplify_jax.media.example_video import IMAGE_SIZE, TrueKeypoints, example_motion
folder = Path(sys.argv[1])
grey = np.full((IMAGE_SIZE[1], IMAGE_SIZE[0], 3), 90, np.uint8)
write_video(folder / "short.mp4", np.arange(8) / 25, grey)
write_video(folder / "long.mp4", np.arange(2000) / 25, grey)
person = TrueKeypoints(example_motion(load_body(), 8), "coco17").keypoints[:, None]
video_command.get_detector = lambda name, model: Scripted(person, "coco17")
sys.argv = ["smplify-fit", str(folder / "short.mp4"), str(folder / "long.mp4"), "--out", str(folder / "out"), "--no-cache"]
sys.exit(main())
"""
"""The person is seen in the first frames of both; all frames of the long one are drawn, which takes longer than this test."""


def test_a_run_over_videos_that_is_stopped_leaves_what_is_done(tmp_path):
    pytest.importorskip("av", reason="needs the extra `video`")
    out = tmp_path / "out"
    env = os.environ | {"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}", "JAX_PLATFORMS": "cpu"}
    with subprocess.Popen(
        [sys.executable, "-c", VIDEO_SCRIPT, str(tmp_path)], env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while not list(out.glob(".long_overlay.mp4.*")):
                assert process.poll() is None, _rest(process)
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            said = _rest(process)
            assert process.wait(timeout=120) == STATUS[signal.SIGINT]
        finally:
            process.kill()
    assert FAREWELL["smplify-fit"] in said
    assert "Traceback" not in said
    files = {f"{video}_0{ending}" for video in ("short", "long") for ending in (".npz", "_amass.npz", ".glb")}
    shown = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    assert shown == files | {"short_overlay.mp4", "summary.json"}
    assert len(FitResult.load(out / "long_0.npz")) == 8
    (entry,) = json.loads((out / "summary.json").read_text())["videos"]
    assert entry["input"] == str(tmp_path / "short.mp4")
