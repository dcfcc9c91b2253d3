"""`python -m velatura`."""

import sys


def run() -> int:
    """The command line; an interruption while it is being imported leaves no traceback."""
    try:
        from velatura.cli.main import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
