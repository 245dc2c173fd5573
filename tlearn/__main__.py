"""`tlearn`, and `python -m tlearn`."""

import sys


def main() -> None:
    """Run the command line of this process; Ctrl-C while it is being imported ends it quietly."""
    try:
        from tlearn.cli import app
    except KeyboardInterrupt:
        sys.exit(130)
    app.main()


if __name__ == "__main__":
    main()
