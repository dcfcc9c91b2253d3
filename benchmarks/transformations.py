"""Graded transformations of a photograph: what may have happened to a copy of it.

Each takes an RGB picture and a random generator (for where a crop is cut and what noise is drawn)
and gives the transformed one. A crop to 80% keeps 80% of each side, 64% of the picture.
"""

import io
import random
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Transformation = Callable[[Image.Image, random.Random], Image.Image]


def jpeg(image: Image.Image, random: random.Random, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def scale(image: Image.Image, random: random.Random, factor: float) -> Image.Image:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.BICUBIC)


def crop(image: Image.Image, random: random.Random, share: float) -> Image.Image:
    width, height = round(image.width * share), round(image.height * share)
    left = random.randint(0, image.width - width)
    top = random.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height))


def enhance(
    image: Image.Image, random: random.Random, kind: type[ImageEnhance._Enhance], factor: float
) -> Image.Image:
    return kind(image).enhance(factor)


def grey(image: Image.Image, random: random.Random) -> Image.Image:
    return image.convert("L").convert("RGB")


def blur(image: Image.Image, random: random.Random, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def noise(image: Image.Image, random: random.Random, deviation: float) -> Image.Image:
    drawn = np.random.default_rng(random.randrange(2**32)).normal(
        0, deviation, (image.height, image.width, 3)
    )
    return Image.fromarray((np.asarray(image) + drawn).clip(0, 255).astype(np.uint8))


def rotate(image: Image.Image, random: random.Random, degrees: float) -> Image.Image:
    sign = random.choice((-1, 1))
    return image.rotate(sign * degrees, Image.Resampling.BICUBIC, expand=True)


def turn(image: Image.Image, random: random.Random, how: Image.Transpose) -> Image.Image:
    return image.transpose(how)


def border(image: Image.Image, random: random.Random, share: float) -> Image.Image:
    colour = random.choice(("white", "black"))
    return ImageOps.expand(image, round(share * min(image.size)), colour)


def caption(image: Image.Image, random: random.Random) -> Image.Image:
    """A white strip below, a sixth of the height, with a line of text."""
    strip = image.height // 6
    whole = Image.new("RGB", (image.width, image.height + strip), "white")
    whole.paste(image, (0, 0))
    text = ImageDraw.Draw(whole)
    text.text((strip // 4, image.height + strip // 4), "When you see it", "black", None)
    return whole


def screenshot(image: Image.Image, random: random.Random) -> Image.Image:
    """The picture in the window of a viewer: a bar above, a panel beside, a margin around."""
    bar, panel, margin = image.height // 10, image.width // 5, image.height // 20
    whole = Image.new(
        "RGB",
        (image.width + panel + 2 * margin, image.height + bar + 2 * margin),
        (40, 42, 46),
    )
    draw = ImageDraw.Draw(whole)
    draw.rectangle((0, 0, whole.width, bar), (222, 222, 226))
    for number, colour in enumerate(((236, 95, 86), (248, 190, 60), (98, 198, 84))):
        left = bar // 3 + number * bar * 2 // 3
        draw.ellipse((left, bar // 3, left + bar // 3, bar * 2 // 3), colour)
    left = image.width + 2 * margin
    for number in range(8):
        top = bar + margin + number * bar
        draw.rectangle((left, top, whole.width - margin, top + bar // 4), (150, 152, 158))
    whole.paste(image, (margin, bar + margin))
    return whole


TRANSFORMATIONS: dict[str, Transformation] = {
    **{f"jpeg {q}": partial(jpeg, quality=q) for q in (90, 70, 50, 30, 10)},
    **{f"scale {f}": partial(scale, factor=f) for f in (0.75, 0.5, 0.25)},
    **{f"crop {round(100 * s)}%": partial(crop, share=s) for s in (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)},
    **{
        f"{name} ×{f}": partial(enhance, kind=kind, factor=f)
        for name, kind in (
            ("brightness", ImageEnhance.Brightness),
            ("contrast", ImageEnhance.Contrast),
            ("saturation", ImageEnhance.Color),
        )
        for f in (0.5, 0.75, 1.5)
    },
    "greyscale": grey,
    **{f"blur {r}": partial(blur, radius=r) for r in (1, 2, 4)},
    **{f"noise {d}": partial(noise, deviation=d) for d in (10, 25, 50)},
    **{f"rotation {d}°": partial(rotate, degrees=d) for d in (2, 5, 10)},
    "rotation 90°": partial(turn, how=Image.Transpose.ROTATE_90),
    "rotation 180°": partial(turn, how=Image.Transpose.ROTATE_180),
    "rotation 270°": partial(turn, how=Image.Transpose.ROTATE_270),
    "flip across": partial(turn, how=Image.Transpose.FLIP_LEFT_RIGHT),
    "flip down": partial(turn, how=Image.Transpose.FLIP_TOP_BOTTOM),
    "border 5%": partial(border, share=0.05),
    "border 15%": partial(border, share=0.15),
    "caption": caption,
    "screenshot": screenshot,
}
