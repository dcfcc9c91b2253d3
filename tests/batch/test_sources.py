import pyarrow as pa
import pytest

from velatura.batch.sources import from_parquet, listed, tables
from velatura.errors import ConfigError, ImageError


def test_folders_are_searched_and_names_have_no_ending_where_that_is_enough(folder):
    names = dict(listed([str(folder)]))
    assert sorted(names.values()) == ["a", "b", "bad", "sub/a"]
    (folder / "a.jpg").write_bytes(b"")
    assert {"a.jpg", "a.png", "b"} <= set(dict(listed([str(folder)])).values())


def test_patterns_lists_and_files_are_taken_each_picture_once(folder, tmp_path):
    picture = str(folder / "a.png")
    (tmp_path / "list.txt").write_text(f"{picture}\n\nhttps://example.org/x/y.jpg?size=1\n")
    names = dict(listed([picture, str(folder / "*.png"), str(tmp_path / "list.txt")]))
    assert names[picture] == "a"
    assert names["https://example.org/x/y.jpg?size=1"] == "example.org/x/y"
    assert len(names) == 2


def test_where_there_is_nothing_that_is_told(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for uri in (str(tmp_path / "empty"), str(folder / "*.tif"), str(tmp_path / "none.png")):
        with pytest.raises(ImageError, match="expected pictures, found none"):
            listed([uri])
    with pytest.raises(ConfigError, match=r"nowhere://a/b\*\.png: expected a path, s3://"):
        listed(["nowhere://a/b*.png"])


def test_tables_have_so_many_rows_at_most():
    parts = tables([(f"{n}.png", str(n)) for n in range(5)], 2)
    assert [part.to_pylist() for part in parts] == [
        [{"uri": "0.png", "name": "0"}, {"uri": "1.png", "name": "1"}],
        [{"uri": "2.png", "name": "2"}, {"uri": "3.png", "name": "3"}],
        [{"uri": "4.png", "name": "4"}],
    ]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"uri": ["s3://b/x.png"]}, ("s3://b/x.png", "b/x.png", None)),
        ({"url": ["../../x.png"], "name": ["n"]}, ("../../x.png", "n", None)),
        ({"path": ["../../etc/x.png"]}, ("../../etc/x.png", "etc/x.png", None)),
        ({"bytes": [b"123"], "name": ["n"]}, ("n", "n", b"123")),
        ({"image": [{"bytes": b"123", "path": "p"}], "name": ["n"]}, ("n", "n", b"123")),
    ],
    ids=str,
)
def test_rows_of_parquet_files_are_sources(columns, expected):
    (row,) = from_parquet(pa.table(columns)).to_pylist()
    assert (row["uri"], row["name"], row["contents"]) == expected


def test_contents_without_a_name_are_named_by_their_checksum():
    one, two = from_parquet(pa.table({"bytes": [b"1", b"2"]})).to_pylist()
    assert one["name"] == one["uri"] != two["name"]


def test_other_parquet_files_are_refused():
    with pytest.raises(ImageError, match=r"expected a column uri, url, .* got x"):
        from_parquet(pa.table({"x": [1]}))
