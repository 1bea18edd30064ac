"""What the programs share: one sentence for whatever goes wrong, and the exit status that says it to scripts."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import tyro

import smplify_jax
from smplify_jax.cli.signals import ended_by_signals
from smplify_jax.errors import InputError
from smplify_jax.files.printable import MAX_LINE, printable

OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses: 130 is 128 + SIGINT, as shells have it; SIGTERM gives 143."""

MAX_TOLD = 20
"""Sentences about records that cannot be used; more would hide what else is said."""

_Command = TypeVar("_Command")

_FRAME = "╭╮╰╯│─| \t"
"""What tyro draws around its messages."""


class UsageError(InputError):
    """Options that make no sense; the program ends with status 2, as programs do for wrong usage."""


@contextlib.contextmanager
def wrong_usage() -> Iterator[None]:
    """What is no input for the library is, in an option, wrong usage: an `InputError` inside becomes a `UsageError`."""
    try:
        yield
    except InputError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True)
class Program(Generic[_Command]):
    """A command line.

    Attributes:
        name: of the program.
        description: the beginning of its help.
        command: the dataclass whose fields are its options.
        farewell: what to tell somebody who stopped it.
    """

    name: str
    description: str
    command: type[_Command]
    farewell: str

    def parse(self, arguments: Sequence[str] | None) -> _Command:
        """The options in a list of arguments, by default those of this process.

        Raises:
            UsageError: an option is unknown or its value is not of its kind.
            SystemExit: with status 0, after the help or the version was printed.
        """
        given = sys.argv[1:] if arguments is None else arguments
        if "--version" in given:
            print(f"{self.name} {smplify_jax.__version__}")
            raise SystemExit(OK)
        message = io.StringIO()
        try:
            # tyro prints a framed page for an error; one sentence is what scripts and logs can use.
            with contextlib.redirect_stderr(message):
                return tyro.cli(
                    tyro.conf.OmitArgPrefixes[self.command],
                    prog=self.name,
                    description=f"{self.description}\n--version prints the release and ends.",
                    args=list(given),
                )
        except SystemExit as stop:
            if not stop.code:
                sys.stderr.write(message.getvalue())
                raise
            raise UsageError(f"{_first_sentence(message.getvalue())}; see {self.name} --help.") from None

    def run(self, arguments: Sequence[str] | None, work: Callable[[_Command], int]) -> int:
        """Do the work that the arguments ask for, and tell what goes wrong.

        Args:
            arguments: by default those of this process, which is then the program's own: signals end it.
            work: gets the options.
        Returns:
            Exit status: that of the work; 1 if it cannot be done; 2 for wrong options.
        """
        is_own = arguments is None and threading.current_thread() is threading.main_thread()
        with ended_by_signals(lambda: f"{self.name}: {self.farewell}") if is_own else contextlib.nullcontext():
            return self._run(arguments, work)

    def _run(self, arguments: Sequence[str] | None, work: Callable[[_Command], int]) -> int:
        try:
            with self._warnings_in_one_line():
                return work(self.parse(arguments))
        except UsageError as error:
            self.complain(error)
            return WRONG_USAGE
        except InputError as error:
            self.complain(error)
            return FAILED
        except BrokenPipeError:
            # The reader of our output (head, less) has gone. Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except OSError as error:
            self.complain(f"{error.filename or 'a file'}: {error.strerror or error}")
            return FAILED
        except KeyboardInterrupt:
            self.complain(self.farewell)
            return INTERRUPTED

    def complain(self, message: object) -> None:
        """Tell the user, on stderr, in one line."""
        print(f"{self.name}: {printable(str(message), MAX_LINE)}", file=sys.stderr, flush=True)

    def tell(self, lines: Iterable[str]) -> None:
        """Print lines for the user."""
        for line in lines:
            print(printable(line, MAX_LINE))

    def complain_of_some(self, messages: Sequence[str], total: int, where: str) -> None:
        """Tell the user about the first of many records, and how many more there are.

        Args:
            messages: a sentence for each, as far as they are at hand.
            total: how many there are.
            where: what names them all.
        """
        for message in messages[:MAX_TOLD]:
            self.complain(message)
        if total > MAX_TOLD:
            self.complain(f"{total - MAX_TOLD:,} more records cannot be used; {where} names them all.")

    @contextlib.contextmanager
    def _warnings_in_one_line(self) -> Iterator[None]:
        """Warnings are sentences for the user here: without the file and line that raised them."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: self.complain(message)
            yield


def _first_sentence(framed: str) -> str:
    """The first paragraph inside tyro's frame, on one line."""
    words: list[str] = []
    for line in framed.splitlines():
        text = line.strip(_FRAME)
        if line.lstrip().startswith("╭"):
            continue
        if not text:
            if words:
                break
            continue
        words += text.split()
    return " ".join(words).rstrip(".:") or "the options cannot be used"
