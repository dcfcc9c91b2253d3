"""Pictures beside each other."""

from collections.abc import Sequence

from PIL import Image


def side_by_side(images: Sequence[Image.Image], gap: int = 8) -> Image.Image:
    """`images` in a row, all as high as the last, on white."""
    height = images[-1].height
    scaled = [
        image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)
        for image in images
    ]
    width = sum(image.width for image in scaled) + gap * (len(scaled) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    left = 0
    for image in scaled:
        sheet.paste(image, (left, 0))
        left += image.width + gap
    return sheet
