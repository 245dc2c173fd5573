"""`tlearn`, and `python -m tlearn`."""

import os
import sys


def main() -> None:
    """Run the command line of this process; asked to end while it starts, it ends quietly."""
    _ensure_file_names()
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


def _ensure_file_names() -> None:
    """Start Python anew where it takes file names for ASCII: no name of a class would come back."""
    if sys.getfilesystemencoding() in ("ascii", "us-ascii") and not sys.flags.utf8_mode:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


if __name__ == "__main__":
    main()
