"""What C code and Python write is captured, and nothing is lost around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tlearn.backend.silence import silence_output


def write_below_python(text: str) -> None:
    os.write(1, text.encode())
    os.write(2, text.encode())


def test_output_of_c_code_is_captured(capfd: Any) -> None:
    with silence_output() as log:
        write_below_python("from below\n")
    write_below_python("after\n")
    output = capfd.readouterr()
    assert (output.out, output.err) == ("after\n", "after\n")
    assert log.text == "from below\nfrom below\n"


def test_output_of_python_is_captured() -> None:
    program = """
import logging, sys
from tlearn.backend.silence import silence_output
print("before")
with silence_output() as log:
    logging.basicConfig()
    logging.warning("from a logger")
    print("from Python")
    print("to stderr", file=sys.stderr)
print(sorted(log.text.splitlines()))
logging.warning("still printed")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    captured = ["WARNING:root:from a logger", "from Python", "to stderr"]
    assert done.stdout.splitlines() == ["before", repr(captured)]
    assert done.stderr.splitlines() == ["WARNING:root:still printed"]


def test_output_from_before_the_block_is_printed(capfd: Any) -> None:
    sys.stdout.write("unfinished line")
    with silence_output() as log:
        write_below_python("noise\n")
    assert capfd.readouterr().out == "unfinished line"
    assert log.text == "noise\nnoise\n"


def test_an_exception_gets_the_output_as_a_note(capfd: Any) -> None:
    with pytest.raises(ZeroDivisionError) as caught, silence_output() as log:
        write_below_python("I0000 chatter\nerror: the reason\n")
        raise ZeroDivisionError
    assert log.tail() == "error: the reason\nerror: the reason"
    assert "error: the reason" in caught.value.__notes__[0]
    write_below_python("restored\n")
    assert capfd.readouterr().out == "restored\n"


def test_blocks_may_be_nested(capfd: Any) -> None:
    with silence_output() as outer:
        write_below_python("1\n")
        with silence_output() as inner:
            write_below_python("2\n")
        write_below_python("3\n")
    assert inner.text == "2\n2\n"
    assert outer.text == "1\n1\n3\n3\n"
    assert capfd.readouterr().out == ""


def test_threads_take_turns(capfd: Any) -> None:
    def work() -> None:
        for _ in range(20):
            with silence_output():
                write_below_python("noise\n")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write_below_python("end\n")
    output = capfd.readouterr()
    assert (output.out, output.err) == ("end\n", "end\n")


def test_no_descriptor_is_left_open() -> None:
    before = os.dup(1)
    os.close(before)
    for _ in range(5):
        with silence_output():
            pass
    after = os.dup(1)
    os.close(after)
    assert after == before


def test_settings_of_keras_for_other_work_do_not_hold(tmp_path: Path) -> None:
    settings = {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    program = (
        "from tlearn.backend.silence import import_keras; keras = import_keras(); "
        "print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format(), "
        "keras.config.dtype_policy().name)"
    )
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["tensorflow", "float32", "channels_last", "float32"]
