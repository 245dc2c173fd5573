"""`tlearn`, and `python -m tlearn`."""

import codecs
import os
import sys


def main() -> None:
    """Run the command line of this process; asked to end while it starts, it ends quietly."""
    _start_again_in_utf8()
    try:
        from tlearn.cli.process import Terminated
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        from tlearn.cli import app

        app.main()
    except KeyboardInterrupt:
        sys.exit(130)
    except Terminated:
        sys.exit(143)


def _start_again_in_utf8() -> None:
    """Replace this process where the locale knows no letters beyond ASCII, as under cron.

    Python then neither reads file names as they were written nor prints them, and a class named
    "Äpfel" is another one in the files of a run.
    """
    is_ascii = codecs.lookup(sys.getfilesystemencoding()).name == "ascii"
    if is_ascii and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


if __name__ == "__main__":
    main()
