"""Command-line framework of both programs: each error is one sentence for the user and an exit status for scripts."""

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
"""Exit statuses: 130 is 128 + SIGINT, as in shells; SIGTERM gives 143."""

MAX_COMPLAINTS = 20
"""Maximum number of sentences about unusable records; more would hide other output."""

_Command = TypeVar("_Command")

_FRAME = "╭╮╰╯│─| \t"
"""What tyro draws around its messages."""


class UsageError(InputError):
    """Options that make no sense; the program exits with status 2, by convention."""


@contextlib.contextmanager
def wrong_usage() -> Iterator[None]:
    """Turn an `InputError` inside the block into a `UsageError`, for values that come from options."""
    try:
        yield
    except InputError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True)
class Program(Generic[_Command]):
    """A command line.

    Attributes:
        name: name of the program.
        description: the beginning of its help.
        command: the dataclass whose fields are its options.
        interrupt_message: message for a user who stops the program.
    """

    name: str
    description: str
    command: type[_Command]
    interrupt_message: str

    def parse(self, arguments: Sequence[str] | None) -> _Command:
        """The options in a list of arguments, by default those of this process.

        Raises:
            UsageError: an option is unknown or has a value of the wrong type.
            SystemExit: with status 0, after the help or the version was printed.
        """
        words = sys.argv[1:] if arguments is None else arguments
        if "--version" in words:
            print(f"{self.name} {smplify_jax.__version__}")
            raise SystemExit(OK)
        message = io.StringIO()
        try:
            # tyro prints a framed page for an error; scripts and logs need a single sentence.
            with contextlib.redirect_stderr(message):
                return tyro.cli(
                    tyro.conf.OmitArgPrefixes[self.command],
                    prog=self.name,
                    description=f"{self.description}\n--version prints the release and ends.",
                    args=list(words),
                )
        except SystemExit as stop:
            if not stop.code:
                sys.stderr.write(message.getvalue())
                raise
            raise UsageError(f"{_first_sentence(message.getvalue())}; see {self.name} --help.") from None

    def run(
        self, arguments: Sequence[str] | None, work: Callable[[_Command], int], *, owns_process: bool | None = None
    ) -> int:
        """Parse the arguments, do the work, and print a sentence if it fails.

        Args:
            arguments: by default those of this process.
            work: gets the options.
            owns_process: whether the process is the program's own, so that signals end it; by default if it has the process's arguments.
        Returns:
            Exit status: that of the work; 1 if it fails; 2 for wrong options; 130 if the user stops it.
        """
        is_own = arguments is None if owns_process is None else owns_process
        is_own = is_own and threading.current_thread() is threading.main_thread()
        with ended_by_signals(lambda: f"{self.name}: {self.interrupt_message}") if is_own else contextlib.nullcontext():
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
            # The reader of the output (head, less) has closed the pipe. Without this, Python would fail again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except OSError as error:
            self.complain(f"{error.filename or 'a file'}: {error.strerror or error}")
            return FAILED
        except KeyboardInterrupt:
            self.complain(self.interrupt_message)
            return INTERRUPTED

    def complain(self, message: object) -> None:
        """Print a message to stderr, with the program's name, in one line."""
        print(f"{self.name}: {printable(str(message), MAX_LINE)}", file=sys.stderr, flush=True)

    def tell(self, lines: Iterable[str]) -> None:
        """Print lines for the user."""
        for line in lines:
            print(printable(line, MAX_LINE))

    def complain_of_some(self, messages: Sequence[str], total: int, where: str) -> None:
        """Print the first messages about unusable records, and how many more there are.

        Args:
            messages: sentences about the first records, or all of them.
            total: number of unusable records.
            where: the file that lists all of them.
        """
        for message in messages[:MAX_COMPLAINTS]:
            self.complain(message)
        if total > MAX_COMPLAINTS:
            self.complain(f"{total - MAX_COMPLAINTS:,} more records cannot be used; {where} lists all of them.")

    @contextlib.contextmanager
    def _warnings_in_one_line(self) -> Iterator[None]:
        """Print warnings as sentences for the user, without the file and line that raised them."""
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
