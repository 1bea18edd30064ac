#!/usr/bin/env python3
"""Tests the package with the lowest versions that it declares, and with the newest, each in a fresh environment.

    python .ci/versions.py                                       all environments, the selected tests
    python .ci/versions.py lowest-3.11 --tests tests             one environment, the whole suite
    python .ci/versions.py newest-3.13 --extras test ray --tests tests/test_dataset_ray.py

The lowest versions are the floors of setup.cfg (`numpy>=2.0` is tested as `numpy==2.0`), those of all extras. What the dependencies need in
turn is the newest that goes with them. Each environment ends with one line; the exit status is 1 if any has failed.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ("lowest-3.11", "newest-3.11", "newest-3.13")

# Every dependency is called by one of these files; together they take two minutes on two cores.
SELECTED = (
    "test_fit.py",  # JAX: people alone and in batches
    "test_traces.py",  # jax.export, its flatbuffers, and LAPACK
    "test_rotations.py",  # JAX in double precision, SciPy's rotations, hypothesis
    "test_cli.py",  # the command on the example: tqdm, trimesh's meshes, Pillow's pictures
    "test_cli_usage.py",  # tyro's help and its errors
    "test_cli_statuses.py",
    "test_overlay.py",  # embreex
    "test_glb.py",  # pygltflib
    "test_viewer.py",  # viser
    "test_pictures.py",
    "test_load_body.py",  # SciPy's sparse matrices
    "test_prior.py",  # scikit-learn's pickles
    "test_dataset_parquet.py",  # pyarrow
    "test_deeplabcut.py",  # h5py
    "test_dataset_exports.py",  # webdataset
    "test_person_exports.py",  # smplcodec
    "test_learn_proposal.py",  # optax
    "test_public_api.py",
)

_FLOOR = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,-]+\])?>=(?P<floor>[\w.]+)")


def main() -> int:
    """Test the environments that were asked for."""
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := set(arguments.environments) - set(ENVIRONMENTS):
        parser.error(f"there is no environment {min(unknown)!r}; expected one of {', '.join(ENVIRONMENTS)}")
    with tempfile.TemporaryDirectory() as folder:
        results = [_tested(name, Path(folder) / name, arguments) for name in arguments.environments]
    print(*(line for line, _ in results), sep="\n")
    return 0 if all(is_passed for _, is_passed in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "environments", nargs="*", default=ENVIRONMENTS, help=f"any of {', '.join(ENVIRONMENTS)}; without any, all"
    )
    parser.add_argument(
        "--tests",
        nargs="+",
        default=[f"tests/{name}" for name in SELECTED],
        help="what pytest runs instead of the selected files",
    )
    parser.add_argument(
        "--extras", nargs="+", default=["test"], help="the extras that are installed; without any, `test`"
    )
    return parser


def _tested(name: str, environment: Path, arguments: argparse.Namespace) -> tuple[str, bool]:
    """The line of result of an environment, and whether all went well."""
    start = time.monotonic()
    kind, version = name.split("-")
    python = _interpreter(version)
    if python is None:
        return f"{name}: not tested, because there is no Python {version} with venv here", False
    subprocess.run([python, "-m", "venv", environment], check=True)
    python = str(environment / "bin" / "python")
    constraints = environment / "constraints.txt"
    constraints.write_text("".join(f"{line}\n" for line in _lowest()) if kind == "lowest" else "")
    package = f"{REPOSITORY}[{','.join(arguments.extras)}]"
    if _run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, package) != 0:
        return f"{name}: FAILED to install", False
    status = _run(python, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *arguments.tests)
    verdict = "passed" if status == 0 else f"FAILED (pytest ended with {status})"
    return f"{name}: {verdict} in {time.monotonic() - start:.0f} s with {_installed(python)}", status == 0


def _run(*command: str | Path) -> int:
    # The package of the caller's path would be tested in place of the one that was installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=REPOSITORY, env=environment).returncode


def _lowest() -> Iterator[str]:
    """Every floor in setup.cfg as a constraint of pip."""
    settings = configparser.ConfigParser()
    settings.read(REPOSITORY / "setup.cfg")
    lists = [settings["options"]["install_requires"], *settings["options.extras_require"].values()]
    for requirement in "\n".join(lists).split():
        match = _FLOOR.match(requirement)
        if match is None:
            raise SystemExit(f"setup.cfg: '{requirement}' has no floor; write it as name>=version")
        yield f"{match['name']}=={match['floor']}"


def _interpreter(version: str) -> str | None:
    """A Python of a version that can make environments: this one, one on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (sys.executable, shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        if found is not None:
            check = (
                f"import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != {tuple(map(int, version.split('.')))})"
            )
            if subprocess.run([found, "-c", check], capture_output=True).returncode == 0:
                return str(found)
    return None


def _installed(python: str) -> str:
    """The versions that matter most, as installed."""
    program = (
        "import platform; from importlib.metadata import version; "
        "print('Python', platform.python_version(), *(f'{name} {version(name)}' for name in ('jax', 'numpy', 'scipy')))"
    )
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
