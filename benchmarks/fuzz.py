"""Does any input break a promise? `python -m benchmarks.fuzz --seconds 3600 [--seed N] [--target NAME ...] [--json FILE]`. Needs Linux.

Every way in which a file or a value comes in is a target (`benchmarks.fuzzing.targets`): valid inputs are changed in what they hold and in
their bytes, and read in a process of their own. An input may be accepted, and is then finite, or refused, in one printable sentence. All
else is a finding: another exception, a warning of Python's or NumPy's, a number that is not finite, a crash, more than two seconds of a
processor, or 300 MB. Where the package atheris is installed, it chooses inputs by the lines of code that earlier ones reached.

A finding is written to the folder of `--findings`, and `--replay FILE` reads it again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from benchmarks.fuzzing.bounds import Bounds
from benchmarks.fuzzing.child import Task
from benchmarks.fuzzing.choices import Choices
from benchmarks.fuzzing.targets import LENIENT, TARGETS, get_target
from benchmarks.fuzzing.watch import Finding, NotPreparedError, Outcome, fuzz_target
from benchmarks.measure import print_and_write
from smplify_jax.errors import InputError


@dataclass(frozen=True)
class Options:
    """Fuzz whatever reads files or values."""

    seconds: float = 3600.0
    """In all; every target gets an equal share, without its preparation."""
    inputs: int | None = None
    """So many for each target, in place of a time: then the same are read on every machine."""
    seed: int = 0
    target: tuple[str, ...] = ()
    """Only these targets, or those whose names begin with this word."""
    guided: bool = find_spec("atheris") is not None
    """Let atheris choose the inputs, by default where it is installed."""
    json: Path | None = None
    """Also write the table here."""
    findings: Path = Path("fuzz_findings")
    """Folder for what is found."""
    replay: Annotated[Path | None, tyro.conf.arg(metavar="FINDING.json")] = None
    """Read the input of one finding again, and nothing else."""


def chosen_targets(wanted: Sequence[str]) -> list[str]:
    """Names of targets.

    Raises:
        InputError: one is asked for that there is not.
    """
    if not wanted:
        return list(TARGETS)
    names: list[str] = []
    for name in wanted:
        found = [known for known in TARGETS if known == name] or [
            known for known in TARGETS if known.startswith(f"{name} ")
        ]
        if not found:
            get_target(name)
        names += found or [name]
    return names


def fuzz(names: Sequence[str], options: Options, bounds: Bounds | None = None) -> list[Outcome]:
    """Fuzz targets one after the other, and write down what is found.

    Args:
        names: of the targets.
        options: of the command.
        bounds: of one input; by default those of each target.
    """
    outcomes = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            task = Task(
                target=name,
                folder=folder,
                seed=options.seed,
                num_inputs=options.inputs,
                seconds=1e9 if options.inputs is not None else options.seconds / len(names),
                is_guided=options.guided,
                bounds=bounds or LENIENT.get(name, Bounds()),
            )
            outcome = fuzz_target(task)
        for finding in outcome.findings:
            print(
                f"{name}: {finding.kind}, {_keep(finding, options.findings)}\n  {_first_line(finding)}", file=sys.stderr
            )
        outcomes.append(outcome)
        print(f"{name}: {outcome.tally.inputs} inputs, {len(outcome.findings)} findings", file=sys.stderr, flush=True)
    return outcomes


def _first_line(finding: Finding) -> str:
    lines = finding.detail.strip().splitlines() or [""]
    return lines[-1] if finding.kind == "exception" else lines[0]


def _keep(finding: Finding, folder: Path) -> Path:
    """Write a finding, and beside it the file that its choices make."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "_" for letter in finding.target)
    path = folder / f"{name}-{sha256((finding.kind + finding.signature).encode()).hexdigest()[:8]}.json"
    path.write_text(json.dumps(asdict(finding), indent=2) + "\n")
    return path


def replay(path: Path) -> Outcome:
    """Read the input of a finding again, and leave its file beside the finding.

    Raises:
        InputError: it is no finding.
    """
    try:
        found = Finding(**json.loads(path.read_bytes()))
        choices = bytes.fromhex(found.choices)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: is no finding ({error}); give a file that this command wrote") from None
    with tempfile.TemporaryDirectory() as folder:
        made = get_target(found.target)(Path(folder)).make(Choices(choices))
        if isinstance(made, Path):
            copy = path.with_suffix(f".input{made.suffix}")
            copy.write_bytes(made.read_bytes())
            print(f"its input is {copy}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        return fuzz_target(Task(found.target, folder, only=found.choices, bounds=LENIENT.get(found.target, Bounds())))


def row(name: str, outcome: Outcome) -> dict[str, object]:
    """A row of the table."""
    tally = outcome.tally
    return {
        "target": name,
        "inputs": tally.inputs,
        "accepted": tally.accepted,
        "refused": tally.refused,
        "findings": len(outcome.findings),
        "inputs_per_second": tally.inputs / tally.seconds if tally.seconds else float("nan"),
        "worst_ms": 1000 * tally.worst_seconds,
        "worst_mb": tally.worst_megabytes,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: 0 if nothing was found, 1 if something was, or if something could not be done."""
    options = tyro.cli(Options, prog="python -m benchmarks.fuzz", description=__doc__, args=arguments)
    try:
        if options.replay is not None:
            outcome = replay(options.replay)
            for finding in outcome.findings:
                print(f"{finding.kind}: {finding.detail}")
            print("found again" if outcome.findings else "not found again")
            return 1 if outcome.findings else 0
        names = chosen_targets(options.target)
        outcomes = fuzz(names, options)
    except (InputError, NotPreparedError) as error:
        print(f"benchmarks.fuzz: {error}", file=sys.stderr)
        return 1
    print_and_write([row(name, outcome) for name, outcome in zip(names, outcomes, strict=True)], options.json)
    return 1 if any(outcome.findings for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
