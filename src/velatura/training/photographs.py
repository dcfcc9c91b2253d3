"""Photographs to train on: found, decoded as they are needed, cropped at random."""

import hashlib
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from velatura.errors import ImageError, in_one_line
from velatura.images.finding import pictures
from velatura.images.io import read
from velatura.images.resize import fit, resize

CACHE_BYTES = 1 << 30
HELD_OUT = 10  # one photograph in this many is kept to judge by


def find(folders: Sequence[Path]) -> list[Path]:
    """All photographs in `folders` and the folders in them. Raises ImageError if there is none."""
    found: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise ImageError(f"{folder}: expected a folder of photographs")
        found.update(pictures(folder, recursive=True)[0])
    if not found:
        raise ImageError(f"{', '.join(map(str, folders))}: expected photographs, found none")
    return sorted(found)


def split(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Photographs to train on, and those held out; a single one does both.

    A name decides, so that a photograph keeps its side when others are added.
    """
    held_out = [
        path for path in paths if hashlib.sha256(os.fsencode(path.name)).digest()[0] % HELD_OUT == 0
    ]
    if not held_out or len(held_out) == len(paths):
        held_out = [paths[-1]]
    judged = set(held_out)
    trained = [path for path in paths if path not in judged]
    return trained or list(paths), held_out


class Photographs:
    """Random crops of photographs; those that cannot be read are left out and named.

    Args:
        paths: the files.
        crop: side of a crop in pixels.
        sizes: long sides that photographs are brought to, from least to most; None for their own.
        seed: of the choices. The same seed and number give the same crops.
        prepare: what is done to each photograph (1, 3, height, width) before it is cropped.
        on_error: is told of each file that cannot be read.
        cache_bytes: of decoded photographs, the most that are kept.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        crop: int,
        sizes: tuple[int, int] | None,
        seed: int,
        prepare: Callable[[Tensor], Tensor] = lambda photograph: photograph,
        on_error: Callable[[str], None] = lambda message: None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.paths, self.crop, self.sizes, self.seed = list(paths), crop, sizes, seed
        self.prepare, self.on_error = prepare, on_error
        self.broken: set[Path] = set()
        self.decoded: dict[Path, Tensor] = {}  # (1, 3, height, width), uint8
        self.bytes, self.cache_bytes = 0, cache_bytes

    def batch(self, number: int, count: int) -> Tensor:
        """Batch `number` of `count` crops, (count, 3, crop, crop) in [0, 1].

        Raises ImageError if no photograph can be read.
        """
        choices = random.Random(f"{self.seed} {number}")  # noqa: S311  no secret
        return torch.cat([self._crop(choices) for _ in range(count)])

    def _crop(self, choices: random.Random) -> Tensor:
        photograph = self._decode(choices)
        size = (photograph.shape[-2], photograph.shape[-1])
        if self.sizes:
            least, most = self.sizes
            size = fit(size, round(least * (most / least) ** choices.random()))
        if min(size) < self.crop:
            factor = self.crop / min(size)
            size = (
                max(self.crop, round(size[0] * factor)),
                max(self.crop, round(size[1] * factor)),
            )
        if size != tuple(photograph.shape[-2:]):
            photograph = resize(photograph.float() / 255, size)
        top, left = (choices.randint(0, side - self.crop) for side in size)
        crop = photograph[..., top : top + self.crop, left : left + self.crop]
        crop = crop if crop.is_floating_point() else crop.float() / 255
        return crop.flip(-1) if choices.random() < 0.5 else crop

    def _decode(self, choices: random.Random) -> Tensor:
        while len(self.broken) < len(self.paths):
            path = choices.choice(self.paths)
            if path in self.decoded:
                return self.decoded[path]
            if path in self.broken:
                continue
            try:
                pixels = self._prepared(path)
            except Exception as error:  # a picture may make any library fail in its own way
                self.broken.add(path)
                why = in_one_line(error).removeprefix(f"{path}: ")
                self.on_error(f"left out: {path}: {why}")
                continue
            self.bytes += pixels.numel()
            while self.bytes > self.cache_bytes and self.decoded:
                self.bytes -= self.decoded.pop(next(iter(self.decoded))).numel()
            self.decoded[path] = pixels
            return pixels
        raise ImageError(f"expected photographs, none of {len(self.paths)} files can be read")

    def _prepared(self, path: Path) -> Tensor:
        photograph = read(path, self.sizes[1] if self.sizes else None).pixels
        if self.sizes:
            size = (photograph.shape[-2], photograph.shape[-1])
            photograph = resize(photograph, fit(size, min(self.sizes[1], max(size))))
        return (self.prepare(photograph) * 255).round().byte()


def to_train_and_judge(
    crops_of: Callable[[Sequence[Path]], Photographs], paths: Sequence[Path], count: int
) -> tuple[Photographs, Tensor]:
    """Photographs to train on, and `count` crops of those held out.

    Where none of these can be read, the former are judged by too. Raises ImageError if none at all
    can be read.
    """
    trained, held_out = map(crops_of, split(paths))
    try:
        return trained, held_out.batch(0, count)
    except ImageError:
        return trained, trained.batch(0, count)
