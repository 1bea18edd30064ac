"""The fuzzer: a seeded minute of it finds nothing in our readers, and it finds what is planted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.fuzz import Options, chosen_targets, fuzz, main
from benchmarks.fuzzing.bounds import Bounds
from benchmarks.fuzzing.choices import Choices, drawn_bytes
from benchmarks.fuzzing.containers import change_file
from benchmarks.fuzzing.targets import TARGETS
from smplify_jax.errors import InputError
from smplify_jax.files.arrow import require_arrow
from smplify_jax.keypoints.formats.registry import FORMAT_NAMES

pytest.importorskip("fcntl", reason="processes are watched as Linux allows it")
require_arrow()

NUM_INPUTS = 40
"""Of each target: a minute in all on two cores."""

TIGHT = Bounds(seconds=0.2, megabytes=100.0)
"""For planted loaders, which otherwise do nothing."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_seeded_run_finds_nothing(tmp_path, name):
    (outcome,) = fuzz([name], Options(inputs=NUM_INPUTS, seed=1, guided=False, findings=tmp_path))
    assert outcome.findings == []
    assert outcome.tally.inputs == NUM_INPUTS
    assert outcome.tally.accepted + outcome.tally.refused == NUM_INPUTS
    assert outcome.tally.refused > 0


def test_every_format_of_keypoints_is_fuzzed():
    assert {f"keypoints {name}" for name in FORMAT_NAMES} <= set(TARGETS)


@pytest.mark.parametrize(
    ("loader", "kind"),
    [
        ("crash", "crash"),
        ("leaves", "crash"),
        ("hang", "hang"),
        ("memory", "memory"),
        ("slow", "time"),
        ("exception", "exception"),
        ("warning", "warning"),
        ("promise", "promise"),
        ("message", "message"),
    ],
)
def test_a_planted_fault_is_found_by_its_kind_and_found_again_when_replayed(tmp_path, capsys, loader, kind):
    target = f"planted_loaders:{loader}"
    (outcome,) = fuzz([target], Options(inputs=12, seed=0, guided=False, findings=tmp_path), TIGHT)
    assert outcome.tally.inputs == 12  # also behind an input that ended the process
    assert {finding.kind for finding in outcome.findings} == {kind}
    assert 1 <= outcome.count < 12
    (saved,) = tmp_path.glob("*.json")
    if loader in ("slow", "memory", "hang"):  # the usual bounds are wider, or take longer to pass
        return
    assert main(["--replay", str(saved), "--findings", str(tmp_path)]) == 1
    assert "found again" in capsys.readouterr().out
    assert saved.with_suffix(".input.json").exists()


def test_a_loader_as_many_scripts_have_it_is_found_to_be_careless(tmp_path):
    (outcome,) = fuzz(["planted_loaders:naive_openpose"], Options(inputs=300, guided=False, findings=tmp_path))
    assert {"exception", "promise"} <= {finding.kind for finding in outcome.findings}
    assert len(outcome.findings) > 5


def test_a_sound_loader_is_not_accused(tmp_path):
    (outcome,) = fuzz(["planted_loaders:sound"], Options(inputs=60, guided=False, findings=tmp_path))
    assert outcome.findings == []
    assert not list(tmp_path.iterdir())
    assert 0 < outcome.tally.accepted < outcome.tally.refused


def test_inputs_that_atheris_chooses_find_a_careless_loader_too(tmp_path):
    pytest.importorskip("atheris")
    (outcome,) = fuzz(["planted_loaders:naive_openpose"], Options(inputs=300, guided=True, findings=tmp_path))
    assert outcome.tally.inputs == 300
    assert "exception" in {finding.kind for finding in outcome.findings}


def test_the_command_prints_and_writes_a_table_and_fails_for_findings(tmp_path, capsys):
    arguments = ["--inputs", "12", "--no-guided", "--json", str(tmp_path / "table.json"), "--findings", str(tmp_path)]
    assert main(["--target", "planted_loaders:exception", *arguments]) == 1
    assert "worst_mb" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "table.json").read_text())
    assert row["target"] == "planted_loaders:exception"
    assert row["inputs"] == 12
    assert row["findings"] == 1
    assert main(["--target", "planted_loaders:sound", *arguments]) == 0


def test_a_target_that_does_not_accept_its_own_files_is_told(tmp_path, capsys, monkeypatch):
    assert main(["--target", "no such"]) == 1
    assert "there is no target 'no such'" in capsys.readouterr().err
    assert main(["--replay", str(Path(__file__))]) == 1
    assert "is no finding" in capsys.readouterr().err


def test_targets_are_chosen_by_name_or_by_its_first_word():
    assert chosen_targets([]) == list(TARGETS)
    assert chosen_targets(["pickle", "store"]) == ["pickle", "store"]
    assert chosen_targets(["prior"]) == ["prior npz", "prior pickle"]
    with pytest.raises(InputError, match="there is no target"):
        chosen_targets(["keypoints nobody"])


def test_the_same_bytes_make_the_same_input():
    data = drawn_bytes(3, "pickle", 7)
    seed = b'{"people": [1, 2, 3]}'
    assert data == drawn_bytes(3, "pickle", 7) != drawn_bytes(3, "pickle", 8)
    assert change_file(seed, Choices(data)) == change_file(seed, Choices(data))
    assert change_file(seed, Choices(b"")) == seed
