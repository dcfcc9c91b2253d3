"""Batches for real: on an embedded Ray, on two nodes, killed, against an S3 server."""

import json
import os

import psutil
import pyarrow as pa
import pyarrow.parquet
import pytest

from velatura.batch.run import Batch, run
from velatura.batch.work import File
from velatura.errors import ConfigError
from velatura.fast.options import PaintOptions
from velatura.images.io import read_settings

FAST = {"config": PaintOptions(size=32).as_dict(), "style": File("starry_night", b"")}


def rows(target):
    return pa.parquet.read_table(str(target)).to_pylist()


def batch(folder, target, **changes):
    usual = {"job": "fast", "sources": [str(folder)], "target": str(target), "options": FAST}
    return Batch(**usual | changes)


@pytest.fixture(scope="module")
def ray(s3):
    """An embedded Ray for the module, as a batch starts it."""
    from velatura.batch.run import cluster

    with cluster(None, 2):
        import ray

        yield ray


def test_every_picture_ends_as_a_row(ray, folder, tmp_path):
    seen = []
    ended = run(batch(folder, tmp_path / "out"), on_progress=seen.append)
    assert (ended.made, ended.failed, ended.total) == (3, 1, 4)
    assert sum(len(progress.rows) for progress in seen) == 4
    found = {
        os.path.relpath(row["source"], folder): row
        for row in rows(tmp_path / "out/manifest.parquet")
    }
    assert set(found) == {"a.png", "b.jpg", "bad.jpg", "sub/a.png"}
    assert found["bad.jpg"]["status"] == "failed"
    assert "expected an image" in found["bad.jpg"]["error"]
    assert found["sub/a.png"]["target"] == str(tmp_path / "out/sub/a.png")
    assert (found["a.png"]["width"], found["a.png"]["height"]) == (32, 21)
    assert json.loads(found["a.png"]["settings"]) == read_settings(tmp_path / "out/a.png")


def test_a_second_run_does_what_is_missing_or_failed(ray, folder, photograph, tmp_path):
    out = tmp_path / "out"
    run(batch(folder, out))
    with pytest.raises(ConfigError, match="holds a batch already"):
        run(batch(folder, out))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    photograph.save(folder / "bad.jpg")
    photograph.save(folder / "new.png")
    ended = run(batch(folder, out, again=True))
    assert (ended.made, ended.failed) == (2, 0)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert run(batch(folder, out, again=True)).done == 0


def test_a_strangers_file_is_left_as_it_is(ray, folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    ended = run(batch(folder, tmp_path / "out"))
    assert (ended.made, ended.failed) == (2, 2)
    assert (tmp_path / "out/a.png").read_bytes() == b"mine"


def test_parquet_of_contents_and_a_limit(ray, folder, tmp_path):
    contents = [(folder / name).read_bytes() for name in ("a.png", "b.jpg", "sub/a.png")]
    table = pa.table({"bytes": contents, "name": ["x", "y", "z"]})
    pa.parquet.write_table(table, tmp_path / "in.parquet")
    source = str(tmp_path / "in.parquet")
    ended = run(batch(folder, tmp_path / "out", sources=[source], limit=2))
    assert (ended.made, ended.total) == (2, None)
    ended = run(batch(folder, tmp_path / "out", sources=[source], again=True))
    assert ended.made == 1
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {"x.png", "y.png", "z.png"}


def test_painting_and_enlarging_are_jobs_too(ray, folder, tmp_path):
    from velatura import StyleConfig

    config = StyleConfig(size=32, steps=(1,), single_scale=True, precision="fp32").as_dict()
    style = File("a.png", (folder / "a.png").read_bytes())
    for job, options in (
        ("stylize", {"config": config, "styles": [style], "upscale": 1}),
        ("upscale", {"model": "faithful", "scale": 2, "device": "cpu"}),
    ):
        target = tmp_path / job
        ended = run(batch(folder / "sub", target, job=job, options=options))
        assert (ended.made, ended.failed) == (1, 0)
        assert read_settings(target / "a.png")["content"] == "a.png"


def test_what_is_wrong_with_the_options_is_told_before_ray_starts(folder, tmp_path):
    for changes, told in (
        ({"job": "dance"}, "job: expected stylize, fast, upscale"),
        ({"options": FAST | {"style": File("none", b"")}}, "none"),
        ({"sources": ["a.parquet", str(folder)]}, "Parquet files alone"),
    ):
        with pytest.raises(ConfigError, match=told):
            run(batch(folder, tmp_path / "out", **changes))


def test_a_killed_worker_loses_nothing(ray, folder, photograph, tmp_path):
    for number in range(24):
        photograph.rotate(number).save(folder / f"{number:02}.png")
    killed = []

    def kill(progress):

        if not killed:
            workers = [
                p
                for p in psutil.process_iter(["cmdline"])
                if any("MapWorker" in part for part in p.info["cmdline"] or ())
            ]
            killed.append(workers[0].pid)
            workers[0].kill()

    ended = run(batch(folder, tmp_path / "out"), on_progress=kill)
    assert killed
    assert (ended.made, ended.failed) == (27, 1)
    found = [row["source"] for row in rows(tmp_path / "out/manifest.parquet")]
    assert len(found) == len(set(found)) == 28


def test_s3_in_and_out(ray, s3, folder, tmp_path):
    import s3fs

    store = s3fs.S3FileSystem()
    store.put(str(folder), "pictures/in", recursive=True)
    ended = run(batch(folder, "s3://pictures/out", sources=["s3://pictures/in"]))
    assert (ended.made, ended.failed) == (3, 1)
    store.invalidate_cache()
    assert store.exists("pictures/out/sub/a.png")
    with store.open("pictures/out/a.png", "rb") as file:
        (tmp_path / "a.png").write_bytes(file.read())
    assert read_settings(tmp_path / "a.png")["content"] == "a.png"
    assert (
        run(batch(folder, "s3://pictures/out", sources=["s3://pictures/in"], again=True)).failed
        == 1
    )


def test_nothing_listens_to_other_machines(ray):
    mine = psutil.Process()
    processes = [mine, *mine.children(recursive=True)]
    ours = [
        connection
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert ours
    assert {connection.laddr.ip for connection in ours} <= {"127.0.0.1", "::ffff:127.0.0.1"}
