"""Nothing leaves the machine, and nothing is written but where docs/privacy.md says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERYTHING = """
import socket, urllib.request
from pathlib import Path
from velatura.cli.main import main

for words in (
    "fast apply photo.png --style starry_night -o onnx.png --backend onnx --quiet",
    "fast apply photo.png --style starry_night -o torch.png --backend torch --quiet",
    "fast export starry_night -o style.onnx --quiet",
    "stylize photo.png painting.png -o out.png --size 64 --steps 2 --plot plot.png --quiet",
    "upscale photo.png -o large.png --scale 2 --quiet",
    "duplicates . --index index --report report.html --quiet",
    "similar photo.png --index index",
    "anatomy photo.png -o anatomy --layers relu1_1 --quiet",
    "doctor",
):
    assert main(words.split()) == 0, words

from velatura.studio.app import serving

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
with serving(Path("studio"), port=port) as (address, folder):
    for page in ("", "config"):
        assert urllib.request.urlopen(address + page).status == 200
"""
CALLS = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
ADDRESS = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|AF_INET6, )"([^"]+)"')
WRITTEN = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|\b(?:creat|mkdir\w*|rename\w*)\(")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def calls(home, photograph, painting) -> list[str]:
    """What commands and studio asked of the system: network calls, and files to be written."""
    if not shutil.which("strace"):
        assert "CI" not in os.environ, "needs strace"
        pytest.skip("needs strace")
    folder = home / "work"
    for path in (folder, home / "tmp"):
        path.mkdir()
    photograph.save(folder / "photo.png")
    painting.save(folder / "painting.png")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    trace = ("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "200", "-e", f"trace={CALLS}")
    done = subprocess.run(
        [*trace, "-o", str(home / "calls"), sys.executable, "-c", EVERYTHING],
        cwd=folder,
        env={
            **kept,
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return (home / "calls").read_text(errors="replace").splitlines()


def written(calls: list[str]) -> Iterator[Path]:
    """The files and folders that were made, written or renamed to."""
    for call in calls:
        if not WRITTEN.search(call) or " = -1 " in call:
            continue
        if opened := re.search(r"= \d+<(.+)>$", call):
            yield Path(opened[1])
        elif named := re.findall(r'(?:AT_FDCWD<([^>]*)>, )?"([^"]+)"', call):
            yield Path(*named[-1])


def test_nobody_is_called(calls):
    called = {(address, port) for call in calls for port, address in ADDRESS.findall(call)}
    assert ("127.0.0.1", "53") not in called
    assert {address for address, _ in called} == {"127.0.0.1"}  # the studio, by this test


def test_files_are_written_where_the_page_says(calls, home):
    page = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    places = [home / place for place in re.findall(r"`~/([^`]+)`", page)]
    assert len(places) == 3
    places += [home / "work", home / "tmp", Path("/dev/null"), Path("/dev/shm"), Path("/proc/self")]
    found = {Path(os.path.normpath(home / "work" / path)) for path in written(calls)}
    assert home / "work/out.png" in found
    assert home / ".cache/velatura/starry_night.onnx" in found
    parents = {home / ".cache", home / ".config"}
    assert not {p for p in found - parents if not any(p.is_relative_to(place) for place in places)}


def test_no_temporary_file_is_left(calls, home):
    assert not list((home / "tmp").iterdir())
