"""`tlearn`, and `python -m tlearn`."""

import sys


def main() -> None:
    """Run the command line of this process; asked to end while it starts, it ends quietly."""
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


if __name__ == "__main__":
    main()
