"""The pictures that duplicates are calibrated on and measured on, never the same; their copies."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops
from transformations import TRANSFORMATIONS

from velatura.duplicates.fingerprints import SEEN, Look
from velatura.duplicates.folders import ENDINGS

Named = tuple[str, Image.Image]

LARGE = 1200  # pixels: of pictures that long, views are taken
VIEW = 0.4  # of the picture's sides
PLACES = (0.0, 0.3, 0.6)  # of its sides, where views begin: neighbours overlap by a quarter
LONGEST = 480  # pixels of a view
PLAIN = 6  # grey levels: views that vary less in half of their 24 fields show sky, or a blur
VISIBLE = 16  # grey levels by which pixels differ that tell pictures apart
TOLD = 0.001  # of a crop's pixels must, or it is a crop of either


def is_measured(path: Path) -> bool:
    """Which half a photograph belongs to."""
    return hashlib.sha256(path.name.encode()).digest()[0] % 2 == 1


def base_pictures(folders: Sequence[Path], measured: bool) -> list[Named]:
    """One half of the photographs, of large ones their views, with names."""
    found: list[Named] = []
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix.lower() in ENDINGS and is_measured(path) == measured:
            with Image.open(path) as image:
                picture = image.convert("RGB")
            large = max(picture.size) >= LARGE
            found += views(path.stem, picture) if large else [(path.stem, picture)]
    return found


def views(name: str, picture: Image.Image) -> list[Named]:
    """Nine views of a large picture, less those that show nothing."""
    width, height = round(picture.width * VIEW), round(picture.height * VIEW)
    found = []
    for top in (round(picture.height * place) for place in PLACES):
        for left in (round(picture.width * place) for place in PLACES):
            view = picture.crop((left, top, left + width, top + height))
            view.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            if not is_plain(view):
                found.append((f"{name}-{left}-{top}", view))
    return found


def is_plain(view: Image.Image) -> bool:
    """Whether there is too little in a picture to know it by."""
    grey = np.asarray(view.convert("L").resize((48, 32), Image.Resampling.BOX), float)
    fields = grey.reshape(4, 8, 6, 8).std(axis=(1, 3))
    return float(np.median(fields)) < PLAIN


def copy_of(pictures: Sequence[Named], number: int, name: str, seed: float) -> Image.Image | None:
    """A copy of a picture by a transformation, or None where it is as much one of another picture.

    That may be a crop: it can hold nothing but the template of a slide, or the stem of an E.
    """
    original = pictures[number][1]
    copy = TRANSFORMATIONS[name](original, random.Random(seed))
    if name.startswith("crop"):
        for place, (_, other) in enumerate(pictures):
            if place != number and other.size == original.size:
                same = TRANSFORMATIONS[name](other, random.Random(seed))
                difference = np.asarray(ImageChops.difference(copy, same)).max(2)
                if (difference > VISIBLE).mean() < TOLD:
                    return None
    return copy


def look_of(image: Image.Image) -> Look:
    """A picture as `fingerprints.look` sees a file of it."""
    square = image.resize((SEEN, SEEN), Image.Resampling.BICUBIC, reducing_gap=2)
    return Look(image.width, image.height, np.asarray(square))
