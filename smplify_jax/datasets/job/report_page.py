"""A job's report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from smplify_jax.files.printable import MAX_LINE, printable

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d9dee7; --bar: #3568b8; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #343b48; --bar: #7aa5ea; --page: #14181f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
p.about { color: var(--soft); margin-top: .2rem; }
.figures { display: flex; flex-wrap: wrap; gap: 2.5rem; margin: 1.5rem 0; }
.figures b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: normal; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.bar { width: 55%; padding-right: 0; } td.bar i { display: block; height: .9rem; background: var(--bar); border-radius: 2px; }
"""


_WORDS = {
    "converged": "converged",
    "step_limit": "stopped at the step limit",
    "too_few_keypoints": "not fitted: too few keypoints",
    "non_finite": "not fitted: numbers that are not finite",
    "implausible": "not fitted: implausible keypoints or camera",
    "poor_fit": "poor fit: keypoints missed by far, or outside the picture",
    "filled": "filled between other frames of a track",
}


def page(report: dict[str, Any]) -> str:
    """The report's page.

    Args:
        report: the content of report.json.
    """
    title = _safe(f"Fits of {report['settings'].get('input', '')}")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body>",
            f'<h1>{title}</h1><p class="about">{escape(_about(report))}</p>',
            _figures(report),
            *_histograms(report),
            _people("Most solver steps", "Slow, and often poor: the first to look at.", report["slowest"]),
            _failures(report),
            _rejected(report),
            _exports(report),
            _settings(report["settings"], report["library_versions"]),
            "</body></html>\n",
        ]
    )


def _about(report: dict[str, Any]) -> str:
    return f"Fitted in batches of {report['settings'].get('batch_size', '?')} people: {report['num_batches']:,}."


def _figures(report: dict[str, Any]) -> str:
    this_run, num_bodies = report["this_run"], report["num_with_body"]
    speed = this_run["fits_per_second"]
    figures = [
        (f"{report['num_people']:,}", "frames of people" if report["num_tracks"] else "people"),
        *([(f"{report['num_tracks']:,}", "tracks")] if report["num_tracks"] else []),
        (f"{num_bodies:,}", "with a body"),
        (f"{report['statuses']['poor_fit']:,}", "of these a poor one"),
        (f"{report['num_people'] - num_bodies:,}", "without"),
        (f"{report['num_rejected']:,}", "records rejected"),
        *[(f"{count:,}", f"{what} passed over") for what, count in report["passed_over"].items()],
        (f"{this_run['num_people']:,}", f"fitted in this run, {this_run['seconds']:,.0f} s"),
        *([] if speed is None else [(f"{speed:,.0f}", "fits/s in this run, after the first batch")]),
    ]
    return (
        '<div class="figures">'
        + "".join(f"<div><b>{a}</b><span>{escape(b)}</span></div>" for a, b in figures)
        + "</div>"
    )


def _histograms(report: dict[str, Any]) -> Iterable[str]:
    yield _bars("How the fits ended", [(_WORDS[name], count) for name, count in report["statuses"].items()])
    rows = list(zip(_ranges(report["quality_edges"]), report["quality"], strict=True))
    if report["num_without_quality"]:
        rows.append(("not calibrated", report["num_without_quality"]))
    yield _bars("Quality: probability of a good fit, people with a body", rows)
    rows = list(zip(_ranges(report["error_percent_edges"], " %"), report["error_percent"], strict=True))
    yield _bars("Median distance of fitted from detected keypoints, of the person's height", rows)


def _exports(report: dict[str, Any]) -> str:
    rows = [
        (name, f"{one['num_people']:,}", ", ".join(f"{count:,}: {why}" for why, count in one["left_out"].items()))
        for name, one in report["exports"].items()
    ]
    return _table("Exports", "", ("", "#people", "left out"), rows) if rows else ""


def _ranges(edges: Sequence[float | None], unit: str = "") -> list[str]:
    return [f"over {low:g}{unit}" if high is None else f"{low:g} – {high:g}{unit}" for low, high in pairwise(edges)]


def _bars(title: str, rows: Sequence[tuple[str, int]]) -> str:
    total, most = max(1, sum(count for _, count in rows)), max(1, *(count for _, count in rows))
    lines = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{count:,}</td><td class="number">{100 * count / total:.1f} %</td>'
        f'<td class="bar"><i style="width:{100 * count / most:.2f}%"></i></td></tr>'
        for name, count in rows
    )
    return f"<h2>{escape(title)}</h2><table>{lines}</table>"


def _people(title: str, about: str, people: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            person["id"],
            f"{person['num_steps']}",
            "" if person["quality"] is None else f"{person['quality']:.2f}",
            "" if person["error_percent"] is None else f"{person['error_percent']:.1f} %",
            person["sentence"],
        )
        for person in people
    ]
    return _table(title, about, ("id", "#steps", "#quality", "#2D error", "how it ended"), rows)


def _failures(report: dict[str, Any]) -> str:
    num_failed = report["num_people"] - report["num_with_body"]
    about = _listed(len(report["failures"]), num_failed, "The rows are in the Parquet files, with NaN for a body.")
    return _table("People without a body", about, ("id", "why"), [(p["id"], p["sentence"]) for p in report["failures"]])


def _rejected(report: dict[str, Any]) -> str:
    rows = [(row["file"], row["position"], row["reason"]) for row in report["rejected"]]
    about = _listed(len(rows), report["num_rejected"], "All are in rejected.jsonl.")
    return _table("Rejected records of the input", about, ("file", "position", "why"), rows)


def _listed(num_listed: int, num_all: int, where: str) -> str:
    if not num_all:
        return "None."
    return f"{where} The first {num_listed:,} of {num_all:,}:" if num_listed < num_all else where


def _settings(settings: dict[str, Any], versions: dict[str, int]) -> str:
    rows = [(name, "" if value is None else str(value)) for name, value in settings.items()]
    rows += [("fitted by release", f"{name}: {count:,} people") for name, count in versions.items()]
    return _table("Settings", "", ("", ""), rows)


def _safe(text: str) -> str:
    """A text from outside, as a page may show it."""
    return escape(printable(text, MAX_LINE))


def _table(title: str, about: str, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """A table; columns whose name begins with # hold numbers."""
    kinds = [' class="number"' if name.startswith("#") else "" for name in names]
    head = "".join(f"<th{kind}>{escape(name.removeprefix('#'))}</th>" for name, kind in zip(names, kinds, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_safe(cell or '')}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    text = f'<p class="about">{escape(about)}</p>' if about else ""
    head = f"<tr>{head}</tr>" if any(names) else ""
    return f"<h2>{escape(title)}</h2>{text}" + (f"<table>{head}{body}</table>" if rows else "")
