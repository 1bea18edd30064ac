"""The gate of the speed benchmark: it fails on a worse ratio alone, and says why in a sentence."""

import math
import re
import sys
from pathlib import Path

import pytest

from benchmarks import speed
from benchmarks.gate import judge
from benchmarks.metric import METRICS, Report, read_report
from benchmarks.ratios import ratios
from smplify_jax import InputError

MACHINE = {"cpu": "one", "cores": 2, "device": "cpu"}
HIGHER, LOWER = "times_torch/coco17/64", "compile_in_references/coco17/64"


def of(key, value):
    return Report(MACHINE, {key: value})


def share(key):
    tolerance = METRICS[key.split("/")[0]].tolerance
    assert tolerance is not None
    return tolerance


def test_a_ratio_that_is_better_higher_fails_below_its_tolerance_alone():
    baseline, allowed = of(HIGHER, 300.0), 300.0 * (1 - share(HIGHER))
    assert not judge(of(HIGHER, 1.01 * allowed), baseline).failures
    assert not judge(of(HIGHER, 900.0), baseline).failures
    (sentence,) = judge(of(HIGHER, 0.99 * allowed), baseline).failures
    assert sentence == "times_torch/coco17/64 is 223 x, 26% lower than the baseline's 300; 25% is allowed."


def test_a_ratio_that_is_better_lower_fails_above_its_tolerance_alone():
    baseline, allowed = of(LOWER, 4.0), 4.0 * (1 + share(LOWER))
    assert not judge(of(LOWER, 0.99 * allowed), baseline).failures
    assert not judge(of(LOWER, 1.0), baseline).failures
    (sentence,) = judge(of(LOWER, 1.01 * allowed), baseline).failures
    assert sentence == "compile_in_references/coco17/64 is 5.05 x, 26% higher than the baseline's 4; 25% is allowed."


@pytest.mark.parametrize("key", [HIGHER, LOWER])
def test_a_ratio_that_is_no_number_fails(key):
    assert judge(of(key, math.nan), of(key, 1.0)).failures


def test_times_are_never_compared():
    slow = Report(MACHINE, {"fits_per_second/coco17/64": 1.0, "compile_s/coco17/64": 500.0, HIGHER: 300.0})
    fast = Report(MACHINE, {"fits_per_second/coco17/64": 2000.0, "compile_s/coco17/64": 5.0, HIGHER: 300.0})
    assert judge(slow, fast) == judge(fast, slow)
    assert not judge(slow, fast).failures


def test_a_ratio_that_one_of_them_lacks_is_told_and_does_not_fail():
    both, fewer = Report(MACHINE, {HIGHER: 300.0, LOWER: 4.0}), of(HIGHER, 300.0)
    verdict = judge(fewer, both)
    assert not verdict.failures
    assert verdict.notes == (f"{LOWER} is in the baseline and was not measured now, so it was not compared.",)
    verdict = judge(both, fewer)
    assert not verdict.failures
    assert verdict.notes[0].startswith(f"{LOWER} was measured now and is not in the baseline")


def test_nothing_in_common_fails():
    (sentence,) = judge(of(HIGHER, 300.0), of(LOWER, 4.0)).failures
    assert "no ratio in common" in sentence


def test_another_machine_is_told():
    other = Report(MACHINE | {"cpu": "another"}, {HIGHER: 300.0})
    assert judge(of(HIGHER, 300.0), other).notes == (
        "The baseline is of another machine (cpu: another); ratios may differ for that.",
    )


def test_a_report_is_read_as_it_was_written_and_its_entries_say_what_they_are(tmp_path):
    written = Report(MACHINE, {HIGHER: 312.5, "fits_per_second/coco17/1": 370.0})
    written.write(tmp_path / "results" / "speed.json")
    assert read_report(tmp_path / "results" / "speed.json") == written
    text = (tmp_path / "results" / "speed.json").read_text()
    assert all(f'"{name}"' in text for name in ("value", "unit", "is_higher_better", "tolerance"))


@pytest.mark.parametrize("content", [None, "", "[]", '{"metrics": {}}', '{"machine": {}, "metrics": {"a": 1}}'])
def test_what_is_no_report_is_told_in_a_sentence(content, tmp_path):
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="make one with --json"):
        read_report(path)


def test_a_baseline_with_a_metric_of_another_release_is_told():
    with pytest.raises(InputError, match="no metric 'furlongs'"):
        judge(of(HIGHER, 1.0), of("furlongs/coco17", 1.0))


def test_ratios_are_taken_of_what_was_measured():
    values = {
        "fits_per_second/coco17/1": 400.0,
        "fits_per_second/coco17/64": 1600.0,
        "fits_per_second/coco17/1024": 1520.0,
        "fits_per_second/lsp14/64": 1700.0,
        "fits_per_second_4_starts/coco17/64": 320.0,
        "torch_fits_per_second/coco17/64": 5.0,
        "torch_fits_per_second/coco17/4": 2.0,
        "scipy_s_per_person/coco17": 0.5,
        "ours_s_per_person/coco17": 0.0025,
        "compile_s/coco17/64": 8.0,
        "reference_compile_s": 2.0,
        "command_warm_s": 4.0,
        "import_jax_s": 0.5,
    }
    found = ratios(values)
    assert found == pytest.approx(
        {
            "times_batch_1/coco17/64": 4.0,
            "times_batch_64/coco17/1024": 0.95,
            "four_starts_share/coco17/64": 0.2,
            "times_torch/coco17/64": 320.0,
            "times_scipy/coco17": 200.0,
            "compile_in_references/coco17/64": 4.0,
            "command_in_jax_imports": 8.0,
            "time_over_keypoints/coco17": (1700 / 1600) / (17 / 14),
        }
    )
    assert all(METRICS[key.split("/")[0]].tolerance is not None for key in found)


@pytest.mark.parametrize(("ratio", "status", "told"), [(310.0, 0, "is passed"), (10.0, 1, "is not passed")])
def test_the_exit_status_is_the_gates(ratio, status, told, tmp_path, monkeypatch, capsys):
    of(HIGHER, 300.0).write(tmp_path / "baseline.json")
    monkeypatch.setattr(speed, "run", lambda options: of(HIGHER, ratio))
    monkeypatch.setattr(sys, "argv", ["speed", "--gate", str(tmp_path / "baseline.json")])
    assert speed.main() == status
    assert told in capsys.readouterr().out


def test_a_baseline_that_cannot_be_read_stops_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(speed, "run", lambda options: pytest.fail("measured"))
    monkeypatch.setattr(sys, "argv", ["speed", "--gate", str(tmp_path / "none.json")])
    assert speed.main() == 1
    assert "none.json" in capsys.readouterr().err


def test_the_documented_table_is_the_metrics():
    page = (Path(__file__).resolve().parents[1] / "docs" / "performance.md").read_text()
    table = page.split("| metric / measured on |")[1].split("\n\n")[0]
    documented = {}
    for names, _, better, tolerance in re.findall(r"^\| (\w.*?) \| (.*) \| (\w+) \| (.*?) ?\|$", table, re.MULTILINE):
        for name in names.split(" / ")[0].split(", "):
            documented[name] = (better, tolerance)
    shown = {None: ""} | {share: f"{share:.0%}".replace("%", " %") for share in (0.01, 0.05, 0.15, 0.25)}
    assert documented == {
        name: ("higher" if metric.is_higher_better else "lower", shown[metric.tolerance])
        for name, metric in METRICS.items()
    }
