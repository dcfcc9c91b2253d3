import numpy as np
import pyarrow as pa
import pytest

from velatura.batch.manifest import FAILED, MADE, Manifest, Row, keys_of, remaining
from velatura.batch.storage import Target
from velatura.errors import FileError


def row(source, status=MADE):
    return Row(source, "", status, 1, 1, 0.5, "{}", "")


@pytest.fixture(params=["disk", "memory"])
def target(request, tmp_path):
    return Target(str(tmp_path) if request.param == "disk" else f"memory://{tmp_path.name}")


def test_what_was_made_last_counts(target):
    manifest = Manifest(target)
    assert not manifest.exists()
    manifest.add([row("a"), row("b", FAILED), row("c")])
    manifest.write()
    manifest.add([row("b"), row("c", FAILED)])
    manifest.write()
    assert Manifest(target).exists()
    assert set(manifest.made()) == set(keys_of(["a", "b"]))
    left = remaining(pa.table({"uri": ["a", "b", "c", "d"]}), manifest.made())
    assert left.column("uri").to_pylist() == ["c", "d"]


def test_nothing_is_made_where_there_is_no_manifest(target):
    assert Manifest(target).made().dtype == np.uint64
    table = pa.table({"uri": ["a"]})
    assert remaining(table, Manifest(target).made()) == table


def test_no_part_is_half_written(tmp_path, monkeypatch):
    import pyarrow.parquet

    def full(table, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    manifest = Manifest(Target(str(tmp_path)))
    manifest.rows.append(row("a"))
    with pytest.raises(FileError, match="No space left"):
        manifest.write()
    assert not list((tmp_path / "manifest.parquet").iterdir())
    assert manifest.rows
