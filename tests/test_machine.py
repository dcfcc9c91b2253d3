"""Memory as the kernel tells it, from files like its own."""

import psutil
import pytest

from velatura.machine import available_bytes
from velatura.painting import memory

FREE = psutil.virtual_memory().available
GROUPS = {
    2: ("0::{group}", "", ("memory.max", "memory.current", "inactive_file")),
    1: (
        "5:cpu,cpuacct:/elsewhere\n4:memory:{group}\n0::/",
        "memory",
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ),
}


@pytest.fixture(params=[2, 1], ids=["v2", "v1"])
def machine(request, tmp_path):
    """`machine(own, {group: (limit, usage, inactive_file)})` makes what Linux shows."""
    lines, mount, names = GROUPS[request.param]
    unlimited = "max" if request.param == 2 else str(0x7FFFFFFFFFFFF000)

    def make(own, groups):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(lines.format(group=own) + "\n")
        for group, (limit, usage, inactive) in groups.items():
            folder = tmp_path / "sys/fs/cgroup" / mount / group
            folder.mkdir(parents=True, exist_ok=True)
            (folder / names[0]).write_text(f"{limit or unlimited}\n")
            (folder / names[1]).write_text(f"{usage}\n")
            (folder / "memory.stat").write_text(f"anon 1\nfile 9\n{names[2]} {inactive}\n")
        return available_bytes(tmp_path)

    return make


def test_a_groups_limit_leaves_what_is_not_in_use_but_for_cached_files(machine):
    assert machine("/job", {"": (None, 9, 0), "job": (5_000_000, 3_000_000, 1_000_000)}) == 3e6


def test_the_tightest_group_above_counts(machine):
    groups = {
        "": (None, 0, 0),
        "a": (4_000, 1_000, 0),
        "a/b": (9_000, 500, 0),
        "a/b/c": (None, 1, 0),
    }
    assert machine("/a/b/c", groups) == 3_000


def test_a_container_that_sees_its_own_group_as_the_topmost_is_limited(machine):
    assert machine("/docker/0123abcd", {"": (7_000, 1_000, 0)}) == 6_000


def test_groups_outside_of_what_a_container_sees_are_no_folder_elsewhere(machine):
    assert machine("/../../other", {"": (7_000, 1_000, 0)}) == 6_000


def test_a_limit_that_is_used_up_leaves_nothing(machine):
    assert machine("/", {"": (1_000, 1_500, 100)}) == 0


def test_without_limits_it_is_what_is_free(machine, tmp_path):
    assert machine("/job", {"": (None, 9, 0), "job": (None, 9, 0)}) == pytest.approx(FREE, rel=0.3)
    assert available_bytes(tmp_path / "no Linux") == pytest.approx(FREE, rel=0.3)


def test_a_painting_takes_no_more_than_its_group_allows(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 2_000_000_000)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert memory.limit_bytes("auto", memory.torch.device("cpu")) == 1.8e9
