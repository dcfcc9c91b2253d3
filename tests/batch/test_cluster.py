"""Batches on a cluster of two nodes, and as a command that is interrupted."""

import json
import signal
import subprocess
import sys

import pyarrow.parquet
import pytest

from velatura.batch.run import Batch, run
from velatura.batch.work import File
from velatura.fast.options import PaintOptions

OPTIONS = {"config": PaintOptions(size=32).as_dict(), "style": File("starry_night", b"")}


@pytest.fixture
def many(folder, photograph):
    for number in range(40):
        photograph.rotate(number).save(folder / f"{number:02}.png")
    return folder


def test_a_node_that_goes_takes_nothing_with_it(many, tmp_path):
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    node = cluster.add_node(num_cpus=1)
    removed = []

    def remove(progress):
        if not removed:
            removed.append(cluster.remove_node(node, allow_graceful=False))

    try:
        batch = Batch("fast", [str(many)], str(tmp_path / "out"), OPTIONS)
        ended = run(batch, address=cluster.address, on_progress=remove)
    finally:
        cluster.shutdown()
    assert removed
    assert (ended.made, ended.failed) == (43, 1)
    rows = pyarrow.parquet.read_table(str(tmp_path / "out/manifest.parquet")).to_pylist()
    assert len({row["source"] for row in rows}) == len(rows) == 44


def test_an_interrupted_command_goes_on(many, tmp_path):
    command = [sys.executable, "-m", "velatura", "batch", "fast", str(many), "-o", "out"]
    command += ["--style", "starry_night", "--size", "32", "--workers", "1", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, told = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    assert "velatura: interrupted after " in told
    before = [first, *map(json.loads, rest.splitlines())]
    assert len(before) < 44
    done = subprocess.run(
        [*command, "--again"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 3, done.stderr
    after = [json.loads(line) for line in done.stdout.splitlines()]
    sources = [row["source"] for row in before + after]
    assert len(set(sources)) == 44
    assert len(sources) <= 45  # the broken one may be tried twice
    assert "Traceback" not in told + done.stderr
