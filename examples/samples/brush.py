"""A canvas of thick strokes: swirling discs, furrowed fields and two dark trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pixels import (
    CANVAS,
    Array,
    Rng,
    fractal,
    from_image,
    halve,
    mix,
    noise,
    shade,
    smoothstep,
    to_image,
)

NIGHT, ULTRA, TEAL = (0.05, 0.07, 0.24), (0.10, 0.19, 0.56), (0.09, 0.48, 0.54)
PALE, CREAM, OCHRE = (0.55, 0.78, 0.74), (0.97, 0.90, 0.68), (0.90, 0.62, 0.14)
VERMILION, OLIVE, PINE = (0.86, 0.25, 0.12), (0.36, 0.44, 0.12), (0.04, 0.13, 0.16)
DISCS = ((410, 335, 92), (790, 150, 42), (70, 80, 30))  # x, y, radius


def ramp(value: Array, colors: Sequence[tuple[float, float, float]]) -> Array:
    """Look a map of 0..1 up in a row of evenly spaced colours."""
    stops = np.linspace(0, 1, len(colors))
    return np.stack([np.interp(value, stops, channel) for channel in zip(*colors, strict=True)], -1)


def compose_canvas(rng: Rng) -> tuple[Array, Array, Array]:
    """The picture under the paint: its colours, the strokes' directions, and where detail is."""
    y, x = np.mgrid[: CANVAS[0], : CANVAS[1]].astype(float)
    drift = fractal(CANVAS, 330, 3, rng)
    flow_x, flow_y = np.ones(CANVAS), 2.4 * (drift - 0.5)
    band = 0.5 + 0.5 * np.sin(26 * drift + y / 90)
    color = ramp(0.75 * band + 0.25 * y / 700, (NIGHT, ULTRA, ULTRA, TEAL, PALE))
    detail = np.zeros(CANVAS)
    for cx, cy, radius in DISCS:
        dx, dy = x - cx, y - cy
        reach = np.hypot(dx, dy)
        pull = 6 * np.exp(-((reach / (2.7 * radius)) ** 4))
        flow_x, flow_y = flow_x + pull * -dy / (reach + 9), flow_y + pull * dx / (reach + 9)
        t = reach / (3.4 * radius) + 0.03 * np.sin(9 * np.arctan2(dy, dx) + reach / 14)
        halo = ramp(t, (CREAM, CREAM, OCHRE, VERMILION, OCHRE, CREAM, PALE, TEAL, ULTRA))
        color = mix(color, halo, smoothstep(1.05, 0.75, t))
        detail = np.maximum(detail, smoothstep(1.1, 0.6, t))
    fields = (
        (560, 60, 210, (ULTRA, TEAL, NIGHT)),
        (640, 48, 150, (TEAL, OLIVE, PALE)),
        (720, 52, 260, (OCHRE, CREAM, OCHRE, VERMILION)),
        (815, 44, 180, (OLIVE, TEAL, NIGHT)),
        (900, 40, 240, (VERMILION, OCHRE, CREAM, OCHRE)),
    )
    for k, (level, swell, wave, colors) in enumerate(fields):
        ridge = level + swell * np.sin(x / wave + 1.9 * k) + 22 * np.sin(x / 71 + k)
        slope = np.gradient(ridge, axis=1)
        below = y - ridge
        furrow = 0.5 + 0.5 * np.sin(below / 13 + x / 170 + 5 * drift + k)
        inside = smoothstep(-2, 2, below)
        color = mix(color, ramp(furrow, colors), inside)
        color = mix(color, NIGHT, 0.85 * np.exp(-((below / 9) ** 2)))
        flow_x = flow_x * (1 - inside) + inside
        flow_y = flow_y * (1 - inside) + inside * (slope + 0.5 * (k % 2) - 0.2)
        detail = np.maximum(detail, np.exp(-((below / 40) ** 2)))
    for foot, tall, girth in ((1160, 800, 110), (985, 470, 72)):  # two dark trees
        up = (1010 - y) / tall
        lean = foot + 0.3 * girth * np.sin(up * 6.5) * up
        width = girth * np.sin(np.pi * up.clip(0, 1) ** 0.72) ** 0.8 * (1.05 - 0.55 * up)
        width += 0.14 * girth * np.sin(y / 23 + 2 * np.sin(y / 61))
        inside = smoothstep(6, -6, abs(x - lean) - width * ((up > 0) & (up < 1)))
        flame = 0.5 + 0.5 * np.sin((x - lean) / 13 + 5 * np.sin(y / 120))
        color = mix(color, ramp(flame, (NIGHT, PINE, (0.10, 0.30, 0.18), OLIVE)), inside)
        flow_x = flow_x * (1 - inside) + inside * (0.45 * np.sin(y / 70) + (x - lean) / 300)
        flow_y = flow_y * (1 - inside) - inside
        detail = np.maximum(detail, inside)
    return color, np.arctan2(flow_y, flow_x), detail


def trace_strokes(start: Array, angle: Array, steps: int, stride: float) -> Array:
    """Walk from every start point both ways along the flow; the result is (stroke, point, xy)."""
    halves = []
    for sign in (-1, 1):
        point, heading, path = start.copy(), np.zeros_like(start), []
        for _ in range(steps):
            turn = angle[
                point[:, 1].clip(0, CANVAS[0] - 1).astype(int),
                point[:, 0].clip(0, CANVAS[1] - 1).astype(int),
            ]
            move = np.stack([np.cos(turn), np.sin(turn)], axis=1) * sign
            move *= np.where((move * heading).sum(1, keepdims=True) < 0, -1, 1)
            heading = move
            point = point + stride * move
            path.append(point)
        halves.append(path)
    return np.stack([*halves[0][::-1], start, *halves[1]], axis=1)


def draw_stroke(
    color: ImageDraw.ImageDraw,
    relief: ImageDraw.ImageDraw,
    path: Array,
    width: float,
    paint: Array,
    rng: Rng,
) -> None:
    """Drag one loaded brush along ``path``: a ribbon of bristles, its paint piled at the edges."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None] + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    along = np.linspace(-1, 1, len(path))
    taper = np.sqrt((1.08 - along**2).clip(0.08)) * (1 - 0.25 * (along + 1) / 2)
    count = max(4, int(width / 2))
    tint = rng.normal(0, 0.035, (count, 1)) + rng.normal(0, 0.015, (count, 3))
    load = rng.normal(0, 14, count)
    for k in rng.permutation(count):
        across = 2 * (k + 0.5) / count - 1
        trim = int(rng.uniform(0, 0.16 + 0.16 * across**2) * len(path))
        last = len(path) - int(rng.uniform(0, 0.2 + 0.2 * across**2) * len(path))
        line = path + normal * (across * width / 2 * taper)[:, None]
        points = line[trim:last].ravel().tolist()
        color.line(points, shade((paint + tint[k]) * 255, 1), 3)
        relief.line(points, int(np.clip(110 + 70 * across**4 + load[k], 0, 255)), 3)


def make_brush() -> Image.Image:
    """Cover a canvas with four layers of strokes, broad to fine, and light its relief."""
    rng = np.random.default_rng(5)
    plan, angle, detail = compose_canvas(rng)
    canvas, bumps = Image.new("RGB", CANVAS[::-1], (40, 44, 70)), Image.new("L", CANVAS[::-1], 60)
    pens = ImageDraw.Draw(canvas), ImageDraw.Draw(bumps)
    layers = (  # width, strokes, steps, stride, detail
        (54, 900, 9, 9.0, 0.0),
        (34, 1900, 9, 7.0, 0.0),
        (22, 2600, 8, 6.0, 0.35),
        (14, 3600, 8, 4.6, 0.75),
    )
    for width, count, steps, stride, need in layers:
        start = rng.uniform(-10, 10, (count, 2)) + rng.random((count, 2)) * CANVAS[::-1]
        row = start[:, 1].clip(0, CANVAS[0] - 1).astype(int)
        col = start[:, 0].clip(0, CANVAS[1] - 1).astype(int)
        keep = rng.random(count) < 1 - need + need * detail[row, col]
        paint = plan[row, col] * (1 + rng.normal(0, 0.10, (count, 1)))
        paint += rng.normal(0, 0.03, (count, 3))
        wobble = angle + 0.35 * (noise(CANVAS, 60, rng) - 0.5)
        paths = trace_strokes(start[keep], wobble, steps, stride)
        for path, load in zip(paths, paint[keep], strict=True):
            draw_stroke(*pens, path, width * rng.uniform(0.75, 1.25), load, rng)
    relief = np.asarray(bumps.filter(ImageFilter.GaussianBlur(1.0)), dtype=float)
    slope_y, slope_x = np.gradient(relief)
    light = np.tanh((slope_x + 1.2 * slope_y) / 34)[..., None]
    pixels = from_image(canvas) * (1 + 0.34 * light) + 0.10 * (light**3).clip(0)
    y, x = np.ogrid[: CANVAS[0], : CANVAS[1]]
    weave = 0.012 * (np.sin(x * 1.6) + np.sin(y * 1.6))
    return halve(to_image(pixels + weave[..., None]))
