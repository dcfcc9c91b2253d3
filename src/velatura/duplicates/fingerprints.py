"""What is remembered of a picture: a small grey square, and what the network sees in it.

`docs/duplicates.md` has the formulas; `benchmarks/calibrate_duplicates.py` made the numbers that
are shipped in `calibration.safetensors`.
"""

import io
import itertools
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from velatura.duplicates.calibration import Calibration
from velatura.images.io import read_small
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.vgg import VGG19

SEEN = 96  # pixels a side of the square that the network sees; its lightness is kept
GREY = 48  # pixels a side of the grey square that is compared with all others
QUALITY = 90  # of the JPEG that the lightness is kept as
FREQUENCIES = 16  # of the grey square, across and down, that are compared
FAINT = 2.0  # grey levels: a picture that varies less is like no other
LAYER = "relu3_4"  # whose features are described
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_1", "relu3_4")  # whose Gram matrices are
# The ways a square can be turned: transposed or not, then flipped down, then flipped across.
TURNS = tuple(itertools.product((0, 1), repeat=3))
TURN_NAMES = (
    *("", "flipped", "flipped", "turned by 180°"),
    *("flipped and turned", "turned by 90°", "turned by 90°", "flipped and turned"),
)


class Look(NamedTuple):
    """A picture as it was read: its width and height, and itself squashed to a small square."""

    width: int
    height: int
    square: NDArray[np.uint8]  # (SEEN, SEEN, 3)

    @property
    def grey(self) -> bytes:
        """Its lightness, (SEEN, SEEN), as a JPEG."""
        file = io.BytesIO()
        Image.fromarray(self.square).convert("L").save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


class Description(NamedTuple):
    """What the network sees in pictures."""

    content: Tensor  # (pictures, numbers), of length 1
    style: Tensor  # (pictures, numbers), of length 1


def look(path: Path) -> Look:
    """Read a picture. Raises ImageError if it cannot be read."""
    square, (width, height) = read_small(path, SEEN)
    return Look(width, height, np.asarray(square))


def lightness(greys: Sequence[bytes]) -> Tensor:
    """What `Look.grey` holds, of some pictures: uint8 (pictures, SEEN, SEEN)."""
    squares = torch.zeros(len(greys), SEEN, SEEN, dtype=torch.uint8)
    for square, grey in zip(squares, greys, strict=True):
        with Image.open(io.BytesIO(grey)) as image:
            square.copy_(torch.from_numpy(np.array(image)))
    return squares


def halved(squares: Tensor) -> Tensor:
    """Squares (pictures, side, side) at half their side, float32."""
    return F.avg_pool2d(squares.float()[:, None], 2)[:, 0]


def spectrum(grey: Tensor) -> Tensor:
    """Cosine transform of grey squares (pictures, GREY, GREY), its lowest FREQUENCIES².

    The mean, at (0, 0), is left out. Turning a square transposes its spectrum and changes signs.
    """
    basis = cosines(FREQUENCIES, GREY)
    found = basis @ grey.float() @ basis.T
    found[:, 0, 0] = 0
    return found


def whitened(spectra: Tensor, scale: Tensor) -> Tensor:
    """Spectra (pictures, n, n) divided by `scale` (n, n), as vectors of length 1 (pictures, n²).

    Below FAINT the length falls to zero.
    """
    flat = (spectra / scale).flatten(1)
    contrast = spectra.flatten(1).norm(dim=1, keepdim=True) / GREY  # deviation in grey levels
    return flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12) * (contrast / FAINT).clamp(max=1)


def turned(vectors: Tensor) -> Tensor:
    """Whitened spectra (pictures, n²) in each of TURNS: (pictures, 8, n²)."""
    n = math.isqrt(vectors.shape[1])
    square = vectors.view(-1, n, n)
    odd = 1 - 2 * (torch.arange(n) % 2).to(vectors)  # flipping negates odd frequencies
    ways = [
        (square.transpose(1, 2) if transposed else square)
        * (odd[:, None] if down else 1)
        * (odd if across else 1)
        for transposed, down, across in TURNS
    ]
    return torch.stack(ways, dim=1).flatten(2)


def turn(squares: Tensor, ways: Tensor) -> Tensor:
    """Squares (pictures, side, side), each turned by its place in TURNS."""
    out = squares.clone()
    for number, (transposed, down, across) in enumerate(TURNS[1:], start=1):
        chosen = squares[ways == number]
        chosen = chosen.transpose(1, 2) if transposed else chosen
        flipped = [dim for dim, flip in ((1, down), (2, across)) if flip]
        out[ways == number] = chosen.flip(flipped)
    return out


@lru_cache
def cosines(count: int, length: int) -> Tensor:
    """The first `count` rows of the orthonormal cosine transform of vectors of a length."""
    places = (torch.arange(length) + 0.5) * math.pi / length
    rows = torch.cos(torch.arange(count)[:, None] * places) * (2 / length) ** 0.5
    rows[0] *= 0.5**0.5
    return rows


def pooled(features: Tensor) -> Tensor:
    """Roots of means and deviations over positions: (batch, C, H, W) gives (batch, 2 C)."""
    deviation, mean = torch.std_mean(features.float(), dim=(2, 3), correction=0)
    return torch.cat([mean, deviation], dim=1).clamp_min(0).sqrt()


def gram(features: Tensor, basis: Tensor) -> Tensor:
    """Gram matrices of features (batch, C, H, W) seen through `basis` (C, n): (batch, n(n+1)/2).

    Features are projected first, so that the matrix is n×n; its upper triangle is kept, as signed
    roots, which brings large and small entries closer.
    """
    seen = torch.einsum("bchw,cn->bnhw", features.float(), basis).flatten(2)
    matrix = seen @ seen.transpose(1, 2) / seen.shape[2]
    rows, columns = torch.triu_indices(len(matrix[0]), len(matrix[0]))
    entries = matrix[:, rows, columns]
    return entries.sign() * entries.abs().sqrt()


class Describer:
    """Shows pictures to the network, which is loaded when it is first needed.

    Args:
        calibration: what its features are centred and whitened with.
        device: auto, cpu, cuda … or mps.
    """

    def __init__(self, calibration: Calibration, device: str = "auto") -> None:
        self.calibration, self.device = calibration, device

    @cached_property
    def _network(self) -> VGG19:
        device = pick_device(self.device)
        layers = {LAYER, *STYLE_LAYERS}
        return VGG19(weights.load(), layers, device=device, dtype=pick_dtype("auto", device))

    def features(self, looks: Sequence[Look]) -> dict[str, Tensor]:
        """Features of LAYER and STYLE_LAYERS for pictures of any number."""
        squares = torch.from_numpy(np.stack([seen.square for seen in looks]))
        images = squares.permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            return self._network(images.to(pick_device(self.device)), [*{LAYER, *STYLE_LAYERS}])

    def __call__(self, looks: Sequence[Look]) -> Description:
        """What the network sees in pictures, on the CPU."""
        features = self.features(looks)
        known = self.calibration
        content = (pooled(features[LAYER]).cpu() - known.mean) @ known.projection
        grams = [
            gram(features[name], known.bases[name].to(features[name].device)).cpu()
            for name in STYLE_LAYERS
        ]
        style = (torch.cat(grams, dim=1) - known.style_mean) / known.style_deviation
        return Description(unit(content), unit(style))


def unit(vectors: Tensor) -> Tensor:
    """Vectors (n, numbers) of length 1."""
    return vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12)


def packed(vectors: Tensor) -> list[bytes]:
    """Each of `vectors` (n, numbers) in 16-bit floating point."""
    return [row.tobytes() for row in vectors.half().numpy()]


def unpacked(blobs: Sequence[bytes]) -> Tensor:
    """The inverse of `packed`, float32 (n, numbers)."""
    if not blobs:
        return torch.zeros(0, 0)
    array = np.frombuffer(b"".join(blobs), np.float16).reshape(len(blobs), -1)
    return torch.from_numpy(array.astype(np.float32))
