"""What the machine lets this process have."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil


def is_first_process() -> bool:
    """Whether this process talks and writes: of those that `torchrun` started, one does."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK") == "0"


def available_bytes(root: Path = Path("/")) -> int:
    """Bytes of memory that this process can still take.

    What is free, or less where a control group of Linux (a container, a batch job's or a service's
    limit) allows less: the kernel kills who goes beyond. `root` is where /proc and /sys are.
    """
    return min(psutil.virtual_memory().available, *_left_in_groups(root), 1 << 62)


def _left_in_groups(root: Path) -> Iterator[int]:
    """What the limit of each control group leaves, of the process's own and those above it.

    Within a container its own group is often mounted as if it were the topmost, under whatever
    name; so groups that are not there are passed over.
    """
    lines: list[str] = []
    with contextlib.suppress(OSError):  # not Linux
        text = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines()
    for line in lines:
        _, controllers, name = line.split(":", 2)
        names = ("memory.max", "memory.current", "inactive_file")
        top = root / "sys/fs/cgroup"
        if "memory" in controllers.split(","):  # version 1
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            top = top / "memory"
        elif controllers:
            continue
        group = top.joinpath(*(part for part in name.split("/") if part != ".."))
        while group != top.parent:
            with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                yield _left(group, *names)
            group = group.parent


def _left(group: Path, limit_file: str, usage_file: str, cached: str) -> int:
    """The limit less what is in use; the cache of files goes before anyone is killed."""
    limit = int((group / limit_file).read_text())
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    used = int((group / usage_file).read_text()) - int(stat.get(cached, 0))
    return max(0, limit - used)
