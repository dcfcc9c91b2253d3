"""HDR frames as SDR ones: curves of ITU-R BT.2100, tone mapping, BT.2020 primaries to sRGB's."""

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[np.floating[Any]]]

PQ, HLG = 16, 18  # codes of transfer characteristics, ITU-T H.273
WHITE = 203.0  # cd/m² of diffuse white (ITU-R BT.2408)
PEAK = 1000.0  # cd/m² that becomes the brightest SDR white
KNEE = 0.6  # of SDR's linear light, above which highlights are compressed
LUMA = (0.2627, 0.6780, 0.0593)  # BT.2020
TO_SRGB = np.array(  # linear light of BT.2020's primaries to BT.709's (ITU-R BT.2087)
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    dtype=np.float32,
)


def to_sdr(yuv: "np.ndarray[Any, np.dtype[np.uint16]]", transfer: int, full_range: bool) -> Any:
    """Frames (3, height, width) of 16-bit Y'CbCr in BT.2020 as sRGB (height, width, 3), uint8.

    `transfer` is PQ or HLG. Light up to the knee keeps its brightness relative to diffuse white;
    what is above is compressed so that PEAK becomes white.
    """
    signal = _rgb(np.float32(1 / 65535) * yuv, full_range)
    light = (_pq(signal) if transfer == PQ else _hlg(signal)) / np.float32(WHITE)
    mapped = _compressed(light @ TO_SRGB.T)
    coded = np.where(
        mapped <= 0.0031308, mapped * 12.92, 1.055 * np.maximum(mapped, 1e-6) ** (1 / 2.4) - 0.055
    )
    return np.round(coded * 255).astype(np.uint8)


def _rgb(yuv: Array, full_range: bool) -> Array:
    """R'G'B' (height, width, 3) in [0, 1] of Y'CbCr with BT.2020's non-constant luminance."""
    luma, blue, red = yuv
    if full_range:
        blue, red = blue - 0.5, red - 0.5
    else:
        luma = (luma * 65535 / 256 - 16) / 219
        blue, red = ((c * 65535 / 256 - 128) / 224 for c in (blue, red))
    r = luma + 2 * (1 - LUMA[0]) * red
    b = luma + 2 * (1 - LUMA[2]) * blue
    g = (luma - LUMA[0] * r - LUMA[2] * b) / LUMA[1]
    return np.stack([r, g, b], axis=-1).clip(0, 1).astype(np.float32)


def _pq(signal: Array) -> Array:
    """cd/m² (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = signal ** (1 / m2)
    return np.asarray(10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))


def _hlg(signal: Array) -> Array:
    """cd/m² on a display of PEAK (BT.2100: inverse curve, then its system gamma 1.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = (scene @ np.array(LUMA, dtype=np.float32))[..., None]
    return np.asarray(PEAK * luminance**0.2 * scene)


def _compressed(light: Array) -> Array:
    """Linear light in [0, 1], highlights by the brightest channel so that hue stays."""
    brightest = np.maximum(light.max(-1, keepdims=True), 1e-6)
    most = PEAK / np.float32(WHITE)
    over = (brightest - KNEE) / (most - KNEE)  # 0 at the knee, 1 at the peak
    slope = (most - KNEE) / (1 - KNEE)
    bent = KNEE + (1 - KNEE) * (1 + 1 / (slope - 1)) * (1 - 1 / (1 + (slope - 1) * over.clip(0)))
    factor = np.where(brightest <= KNEE, 1.0, bent / brightest)
    return np.asarray((light * factor).clip(0, 1))
