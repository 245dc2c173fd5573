"""What a command line needs of its process: streams that are open, and an end that cleans up."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

from tlearn.errors import HostError


class Terminated(BaseException):
    """The process was asked to end (SIGTERM); raised so that temporary files are removed."""


def prepare() -> None:
    """Open the standard streams that are closed, and let SIGTERM be told like Ctrl-C.

    Figures are drawn into files, whatever a notebook that starts the command draws with.
    """
    os.environ["MPLBACKEND"] = "agg"
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        # Else the next file that is opened gets the number, and the output of TensorFlow in it.
        if getattr(sys, name) is None:
            descriptor = _open_null(number)
            setattr(sys, name, open(descriptor, "r" if number == 0 else "w"))  # noqa: SIM115
    signal.signal(signal.SIGTERM, _terminate)


def discard_unwritten(*streams: TextIO) -> None:
    """Drop what a stream cannot write (a full disk), which Python would report again at exit."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):
                _open_null(stream.fileno())
        except ValueError:  # it is closed
            pass


@contextmanager
def writing_output() -> Iterator[None]:
    """Say that it was standard output which could not be written, and no file of the command's.

    Raises:
        HostError: It could not; a reader that went away is not an error, and passes.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write to standard output: {os.strerror(error.errno or 0)}"
        raise HostError(
            message, "send the output to another file or disk: tlearn ... > FILE"
        ) from error


def _terminate(number: int, frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends the cleaning up too
    raise Terminated


def _open_null(number: int) -> int:
    """Open the null device under a number."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    if descriptor != number:
        os.dup2(descriptor, number)
        os.close(descriptor)
    return number
