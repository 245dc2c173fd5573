"""The process of a command line: it cleans up when it is asked to end, and its streams are open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tlearn.cli.app  # noqa: F401 - taken away again by a test
from tlearn.__main__ import main
from tlearn.cli.process import Terminated, writing_output
from tlearn.errors import HostError

_PREPARED = "from tlearn.cli.process import prepare; prepare()\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_temporary_folders_are_removed_when_the_process_is_asked_to_end() -> None:
    wait = (
        "import tempfile, time\nwith tempfile.TemporaryDirectory() as f: print(f); time.sleep(99)"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", _PREPARED + wait],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.send_signal(signal.SIGTERM)
    assert not folder.exists()


def test_a_closed_stream_does_not_become_the_next_file(tmp_path: Path) -> None:
    code = (
        _PREPARED + f"import os; f = open({str(tmp_path / 'file')!r}, 'w'); os.write(2, b'chatter')"
    )
    closed = (
        "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    done = subprocess.run([sys.executable, "-c", closed, "-c", code])
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""


def test_a_full_disk_behind_standard_output_is_named() -> None:
    message = "cannot write to standard output: No space left"
    with pytest.raises(HostError, match=message), writing_output():
        raise OSError(28, "No space left on device")


def test_a_reader_that_went_away_is_no_error() -> None:
    with pytest.raises(BrokenPipeError), writing_output():
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(("end", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
@pytest.mark.parametrize("step", ["import", "start"])
def test_an_end_while_the_command_line_starts_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, end: type[BaseException], code: int, step: str
) -> None:
    class Interrupting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "tlearn.cli.app":
                raise end

    def interrupted() -> None:
        raise end

    if step == "import":
        monkeypatch.delitem(sys.modules, "tlearn.cli.app")
        monkeypatch.delattr("tlearn.cli.app")
        monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    else:
        monkeypatch.setattr("tlearn.cli.app.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code


def test_in_a_locale_of_ascii_names_are_read_and_printed_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "Äpfel").mkdir()
    locale = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tlearn", "suggest", tmp_path / "Äpfel"],
        env=os.environ | locale,
        capture_output=True,
    )
    assert done.returncode == 2
    assert "Äpfel'" in done.stderr.decode()


def test_what_a_notebook_draws_with_does_not_matter() -> None:
    code = "from tlearn.cli.process import prepare; prepare(); import matplotlib.figure"
    environment = os.environ | {"MPLBACKEND": "backend_of_a_notebook"}
    assert not subprocess.run([sys.executable, "-c", code], env=environment).returncode
