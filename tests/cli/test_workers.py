"""The program under `torchrun`, as two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

STYLIZE = ("stylize", "photo.png", "painting.png", "--steps", "40,30", "--precision", "fp32")
CHECKPOINT = ("--checkpoint", "state", "--checkpoint-seconds", "0")


def torchrun(folder, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.Popen(
        [*command, "-m", "velatura", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def workers_of(process):
    """Process numbers of a torchrun's children, by rank."""
    workers = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_text().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        ranks = [part.removeprefix("RANK=") for part in environment if part.startswith("RANK=")]
        if parent == process.pid and ranks:
            workers[int(ranks[0])] = int(folder.name)
    return workers


def test_one_writes_and_one_report_is_printed(velatura):
    process = torchrun(velatura.folder, *STYLIZE[:3], "--steps", "3,2", "-o", "out.png", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["steps"] == 5
    assert err.count("out.png: ") == 1
    with Image.open(velatura.folder / "out.png") as picture:
        assert picture.size == (96, 64)


def test_a_killed_process_ends_the_painting_which_can_go_on(velatura):
    process = torchrun(velatura.folder, *STYLIZE, "-o", "out.png", *CHECKPOINT)
    while not (velatura.folder / "state" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(workers_of(process)[1], signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0
    # torchrun always names the process; what is left of ours says so too unless the signal that
    # torchrun sends it comes while it does.
    assert "SIGKILL" in err
    done = velatura("resume", "state", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 70
