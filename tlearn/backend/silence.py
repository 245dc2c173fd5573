"""Silence for TensorFlow, whose C++ half writes to the terminal whatever Python asks."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_STDOUT, _STDERR = 1, 2
_CHATTER = ("I0000", "W0000", "INFO:", "WARNING: All log messages", "loc(")
_redirection = threading.RLock()


@dataclass
class CapturedOutput:
    """What was said meanwhile; `text` is filled in when the block ends."""

    text: str = ""

    def tail(self, lines: int = 12, width: int = 200) -> str:
        """The last lines that say something, shortened, for the message of a fault."""
        said = (line.rstrip() for line in self.text.splitlines())
        kept = [line for line in said if line and not line.startswith(_CHATTER)]
        return "\n".join(line[:width] for line in kept[-lines:])


@contextlib.contextmanager
def silence_output() -> Iterator[CapturedOutput]:
    """Send file descriptors 1 and 2 to a temporary file while the block runs.

    Not so `sys.stdout` and `sys.stderr`: TensorFlow's loggers keep the stream they find when it
    is imported, and would be left with one that is closed. Descriptors belong to the whole
    process: blocks of several threads run one after the other, and what another thread prints
    meanwhile goes to the log too. Blocks may be nested. An exception that leaves the block
    takes the end of the log along as a note.

    Returns:
        The log; its text is complete once the block has ended, whether or not it raised.
    """
    log = CapturedOutput()
    with _redirection, tempfile.TemporaryFile() as sink:
        _flush()
        saved = {number: _duplicate(number) for number in (_STDOUT, _STDERR)}
        try:
            for number in saved:
                os.dup2(sink.fileno(), number)
            yield log
        except BaseException as error:
            _flush()
            log.text = _read(sink)
            if log.tail():
                error.add_note(f"Said before the failure:\n{log.tail()}")
            raise
        finally:
            _flush()
            for number, copy in saved.items():
                _restore(number, copy)
            log.text = _read(sink)


def import_keras() -> Any:
    """Keras, imported in silence: TensorFlow greets on stderr whatever its log level."""
    with silence_output():
        import keras
    return keras


def _duplicate(number: int) -> int | None:
    # A process started without a terminal may lack descriptors 1 and 2 altogether.
    try:
        return os.dup(number)
    except OSError:
        return None


def _restore(number: int, copy: int | None) -> None:
    if copy is None:
        os.close(number)
        return
    os.dup2(copy, number)
    os.close(copy)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _read(sink: BinaryIO) -> str:
    sink.seek(0)
    return sink.read().decode("utf-8", "replace")
