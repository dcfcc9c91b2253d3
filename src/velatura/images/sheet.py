"""Pictures beside each other."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


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


def grid(
    rows: Sequence[Sequence[Image.Image]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    gap: int = 8,
) -> Image.Image:
    """Pictures of one size in rows and columns, with labels beside and above, on white."""
    width = max(image.width for row in rows for image in row)
    height = max(image.height for row in rows for image in row)
    line = max(12, height // 18)
    font = ImageFont.load_default(line)
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left = round(max(pen.textlength(label, font) for label in row_labels)) + 2 * gap
    top = line + 2 * gap
    size = (left + len(column_labels) * (width + gap), top + len(rows) * (height + gap))
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for k, label in enumerate(column_labels):
        pen.text((left + k * (width + gap) + width // 2, gap), label, "black", font, anchor="ma")
    for j, (row, label) in enumerate(zip(rows, row_labels, strict=True)):
        y = top + j * (height + gap)
        pen.text((gap, y + height // 2), label, "black", font, anchor="lm")
        for k, image in enumerate(row):
            x = left + k * (width + gap)
            sheet.paste(image, (x + (width - image.width) // 2, y + (height - image.height) // 2))
    return sheet
