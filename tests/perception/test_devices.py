import subprocess
import sys

import pytest

FORKED = """
import os, signal, torch
from velatura.perception.devices import pick_device

torch.set_num_threads(2)
images = torch.rand(8, 3, 64, 64)
kernel = torch.rand(64, 3, 3, 3)
pick_device("cpu")
torch.nn.functional.conv2d(images, kernel)  # threads are there from now on
if not os.fork():
    signal.alarm(20)
    torch.nn.functional.conv2d(images, kernel)
    print("done in", torch.get_num_threads(), flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), torch.get_num_threads())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others do not fork OpenMP")
def test_a_process_forked_after_a_painting_paints_too():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] in (["done in 1", "0 2"], ["0 2", "done in 1"]), done.stderr
