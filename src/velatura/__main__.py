"""`python -m velatura`."""

import os
import sys
from pathlib import Path


def run() -> int:
    """The command line; an interruption while it is being imported leaves no traceback."""
    try:
        _share_cores()
        from velatura.cli.interruptions import INTERRUPTIONS
        from velatura.cli.main import main

        with INTERRUPTIONS.installed():
            code = main()
            INTERRUPTIONS.end()
        return code
    except KeyboardInterrupt:
        return 130


def _share_cores() -> None:
    """Let PyTorch's threads on Linux wait asleep where another program is running.

    By themselves they wait for each other awake. Where the other program holds one of two cores, a
    picture then takes more than ten times as long (benchmarks/busy_machine.py).
    """
    try:
        load = Path("/proc/loadavg").read_text(encoding="ascii")
        running = int(load.split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return
    if running > 1 and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")


if __name__ == "__main__":
    sys.exit(run())
