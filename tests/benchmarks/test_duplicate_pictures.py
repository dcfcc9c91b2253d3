from duplicate_pictures import copy_of
from PIL import Image


def test_a_crop_that_tells_two_pictures_apart_is_a_copy_and_another_is_not():
    plain, marked = Image.new("RGB", (40, 40), "white"), Image.new("RGB", (40, 40), "white")
    marked.paste("black", (18, 18, 22, 22))  # in each crop to 95%
    below = Image.new("RGB", (40, 40), "white")
    below.paste("black", (0, 39, 40, 40))  # in few crops to 50%
    assert copy_of([("a", plain), ("b", marked)], 0, "crop 95%", 0) is not None
    found = [copy_of([("a", plain), ("b", below)], 0, "crop 50%", seed) for seed in range(8)]
    assert None in found
    assert copy_of([("a", plain), ("b", plain.copy())], 0, "jpeg 90", 0) is not None
