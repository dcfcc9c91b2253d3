"""What the encoder of a picture file has taken away, as far as the file tells."""

from pathlib import Path
from typing import NamedTuple

from velatura.images.opening import opened

_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")


class Encoding(NamedTuple):
    """How a picture is stored."""

    lossless: bool
    step: float | None  # mean step of a JPEG's quantisation of lightness: the finer the better


def encoding(path: Path) -> Encoding:
    """How the picture at `path` is stored. Raises ImageError if it cannot be read."""
    with opened(path) as image:
        if tables := getattr(image, "quantization", None):
            lightness = tables[min(tables)]
            return Encoding(False, sum(lightness) / len(lightness))
        if image.format == "WEBP":
            return Encoding(_is_lossless_webp(path), None)
        lossy_tiff = image.info.get("compression") in _LOSSY_TIFF
        return Encoding(image.format in ("PNG", "GIF", "BMP", "TIFF") and not lossy_tiff, None)


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first frame is coded without loss."""
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = head[:4], int.from_bytes(head[4:], "little")
            if name in (b"VP8L", b"VP8 "):
                return name == b"VP8L"
            # A frame of an animation has chunks of its own after 16 bytes.
            file.seek(16 if name == b"ANMF" else size + size % 2, 1)
    return False
