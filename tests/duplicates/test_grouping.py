from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from velatura.duplicates.grouping import connected, examine

NODES = st.integers(0, 12)


@given(st.lists(st.tuples(NODES, NODES)))
def test_connected_sets_are_those_that_walking_finds(links):
    neighbours = {node: {node} for node in range(13)}
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    wanted = set()
    for node in neighbours:
        reached = {node}
        while True:
            more = set().union(*(neighbours[n] for n in reached))
            if more == reached:
                break
            reached = more
        wanted.add(frozenset(reached))
    assert {frozenset(found) for found in connected(range(13), links)} == wanted


def test_pixels_are_the_same_however_they_are_stored(tmp_path, photographs):
    picture = photographs["cat"]
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.tif")
    picture.save(tmp_path / "c.jpg", quality=95)
    a, b, c = (examine(tmp_path / name) for name in ("a.png", "b.tif", "c.jpg"))
    assert a == b
    assert a[0] != c[0]


def test_pixels_in_another_shape_are_others(tmp_path):
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    Image.new("RGB", (10, 20)).save(tmp_path / "b.png")
    assert examine(tmp_path / "a.png")[0] != examine(tmp_path / "b.png")[0]


def test_a_blurred_picture_is_less_sharp(tmp_path, photographs):
    photographs["coffee"].save(tmp_path / "sharp.png")
    photographs["coffee"].filter(ImageFilter.GaussianBlur(2)).save(tmp_path / "blurred.png")
    assert examine(tmp_path / "sharp.png")[1] > 1.5 * examine(tmp_path / "blurred.png")[1]


def test_the_smallest_picture_is_examined(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert examine(tmp_path / "dot.png")[1] == 0
