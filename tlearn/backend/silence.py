"""Silence for TensorFlow, whose C++ code writes to the terminal whatever its Python settings."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, BinaryIO

_STDOUT, _STDERR = 1, 2
_CHATTER = ("I0000", "W0000", "INFO:", "WARNING: All log messages", "loc(")
_redirection = threading.RLock()


@dataclass
class CapturedOutput:
    """What was written while output was silenced.

    Attributes:
        text: Everything, once the block has ended; empty before.
    """

    text: str = ""

    def tail(self, lines: int = 12, width: int = 200) -> str:
        """Return the last lines without TensorFlow's chatter, for an error message.

        Args:
            lines: Number of lines at most.
            width: Characters of each line at most.
        """
        stripped = (line.rstrip() for line in self.text.splitlines())
        telling = [line for line in stripped if line and not line.startswith(_CHATTER)]
        return "\n".join(line[:width] for line in telling[-lines:])


@contextlib.contextmanager
def silence_output() -> Iterator[CapturedOutput]:
    """Redirect file descriptors 1 and 2 to a temporary file while the block runs.

    `sys.stdout` and `sys.stderr` are left alone: TensorFlow's loggers keep the stream they find
    when TensorFlow is imported, and would be left with a closed one. Descriptors belong to the
    whole process, so blocks in several threads run one after the other, and what other threads
    print meanwhile is captured too. Blocks may be nested. An exception that leaves the block gets
    the end of the captured output as a note.

    Yields:
        The captured output; its text is complete once the block has ended, even by an exception.
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
                error.add_note(f"Output before the failure:\n{log.tail()}")
            raise
        finally:
            _flush()
            for number, copy in saved.items():
                _restore(number, copy)
            log.text = _read(sink)


def import_keras() -> Any:
    """Import Keras in silence: TensorFlow writes to stderr on import whatever its log level.

    What `keras.json` and KERAS_BACKEND say for other work does not hold here: another backend that
    is not installed, channels first, half precision.
    """
    first = "keras" not in sys.modules
    if first and not (os.environ.get("KERAS_BACKEND") == "jax" and find_spec("jax")):
        os.environ["KERAS_BACKEND"] = "tensorflow"
    with silence_output():
        import keras

        if first:
            keras.config.set_floatx("float32")
            keras.config.set_dtype_policy("float32")
            keras.config.set_image_data_format("channels_last")
    return keras


def _duplicate(number: int) -> int | None:
    # A process that was started without a terminal may have no descriptors 1 and 2 at all.
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
    if sys.platform == "linux":
        ctypes.CDLL(None).fflush(None)  # what C++ has buffered


def _read(sink: BinaryIO) -> str:
    sink.seek(0)
    return sink.read().decode("utf-8", "replace")
