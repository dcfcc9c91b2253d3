"""Small films, made here."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def texture(height: int = 64, width: int = 96, seed: int = 0) -> Pixels:
    """Something that flow can follow: smooth noise."""
    import cv2

    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    low, high = smooth.min(), smooth.max()
    return ((smooth - low) / (high - low) * 255).astype(np.uint8)


def panned(count: int, step: int = 2, height: int = 64, width: int = 96) -> list[Pixels]:
    """A texture that moves to the left, `step` pixels a frame."""
    wide = texture(height, width + step * count)
    return [np.ascontiguousarray(wide[:, k * step : k * step + width]) for k in range(count)]


def make_film(
    path: Path,
    frames: Sequence[Pixels],
    *,
    rate: int = 25,
    ticks: Iterable[int] | None = None,
    codec: str = "libx264",
    layout: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: bool = False,
    trc: int = 1,
) -> Path:
    """Write frames (height, width, 3 or 4) as a film; `ticks` are their times in 1/1000 s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = layout
        stream.codec_context.options = options or {"crf": "1"}
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.color_trc = trc
        stream.codec_context.colorspace = 9 if trc in (16, 18) else 1
        heard = container.add_stream("aac", rate=44100, layout="mono") if sound else None
        times = list(ticks) if ticks else [round(1000 * k / rate) for k in range(len(frames))]
        for pixels, time in zip(frames, times, strict=True):
            given = "rgba" if pixels.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(pixels, format=given)
            frame = frame.reformat(format=layout, dst_colorspace=1)
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if heard is not None:
            samples = round(44100 * len(frames) / rate)
            wave = np.sin(np.arange(samples) * 0.06).astype(np.float32)[None]
            tone = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            tone.sample_rate = 44100
            container.mux(heard.encode(tone))
            container.mux(heard.encode(None))
    return path


def turn(path: Path) -> None:
    """Say in an MP4 that it is to be shown turned by a quarter, as telephones do."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [bytes(p) for p in container.demux(streams) if p.size]


def decoded(path: Path) -> list[Pixels]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
