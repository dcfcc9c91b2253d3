"""A collage of painted paper: panels, one bold cut-out on each, scraps on the seams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pixels import (
    CANVAS,
    Array,
    Point,
    Rng,
    fractal,
    from_image,
    halve,
    mix,
    noise,
    sample,
    smoothstep,
    to_image,
)

Outline = list[tuple[Array, int]]  # polygons in a box of -1..1, each pasted (1) or cut out (0)
Place = tuple[float, float, float, float, float]  # centre x and y, half width and height, turn
COBALT, EMERALD, LEMON = (0.10, 0.24, 0.66), (0.04, 0.52, 0.36), (0.98, 0.80, 0.18)
CORAL, ROSE, VIOLET = (0.92, 0.30, 0.20), (0.95, 0.55, 0.65), (0.42, 0.25, 0.58)
SKY, ORANGE = (0.40, 0.71, 0.84), (0.96, 0.55, 0.12)
PAPER, INK = (0.97, 0.95, 0.89), (0.09, 0.09, 0.12)
TURN = np.linspace(0, 2 * np.pi, 72)
UP = -np.pi / 2
PANEL: Outline = [(np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]), 1)]


def around(reach: Array | float, angle: Array) -> Array:
    """Points at the distances ``reach`` from the middle, one for every angle."""
    return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)


def lobe(x: float, y: float, angle: float, length: float, width: float) -> Array:
    """A drop-shaped finger that leaves (x, y) at ``angle`` and swells towards its tip."""
    along = length * (0.5 - 0.5 * np.cos(TURN))
    across = width * np.sin(TURN) * (0.5 + 0.5 * along / length)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x + along * cos - across * sin, y + along * sin + across * cos], axis=1)


def seaweed(rng: Rng) -> Outline:
    """A swaying stem with pairs of fingers that shrink towards the top."""
    bend, pairs = rng.choice((-0.2, 0.2)), int(rng.integers(5, 7))

    def stem(t: float) -> Point:
        return float(bend * np.sin(4 * t)), 0.95 - 1.45 * t

    parts = [lobe(*stem(t), UP, 0.16, 0.10) for t in np.linspace(0, 1, 30)]
    parts.append(lobe(*stem(0.98), UP - bend, 0.5, 0.11))
    for t in np.linspace(0.1, 0.92, pairs):
        for side in (-1, 1):
            size = (0.92 - 0.40 * t) * rng.uniform(0.9, 1.08)
            parts.append(lobe(*stem(t), UP + side * (1.1 - 0.5 * t), size, 0.115 - 0.03 * t))
    return [(part, 1) for part in parts]


def leaf(rng: Rng) -> Outline:
    """A broad leaf with slits cut along its veins."""
    sway, y = rng.choice((-0.22, 0.22)), -np.cos(TURN)
    x = np.sin(TURN) * (0.74 + 0.16 * y) * np.sqrt(1.02 - 0.3 * y) + sway * np.sin(2.5 * y)
    parts: Outline = [(np.stack([x, y], axis=1), 1)]
    for t in np.linspace(-0.5, 0.72, 5):
        for side in (-1, 1):
            start = sway * np.sin(2.5 * t) + 0.08 * side
            parts.append((lobe(start, t, UP + side, 0.52 - 0.2 * abs(t), 0.075), 0))
    return parts


def star(rng: Rng) -> Outline:
    """A soft many-armed star round a hole."""
    arms, fine = int(rng.integers(7, 11)), np.linspace(0, 2 * np.pi, 300)
    reach = 0.70 + 0.30 * np.cos(arms * fine + rng.uniform(0, 6)) + 0.06 * np.cos(2 * fine)
    return [(around(reach, fine), 1), (around(0.20, TURN), 0)]


def wave(rng: Rng) -> Outline:
    """Four ribbons that rise and fall together."""
    x, phase = np.linspace(-1, 1, 120), rng.uniform(0, 6)
    parts: Outline = []
    for level in (-0.72, -0.24, 0.24, 0.72):
        top = level - 0.12 + 0.15 * np.sin(10 * x + phase)
        low = level + 0.12 + 0.15 * np.sin(10 * x + phase - 0.5)
        parts.append((np.stack([[*x, *x[::-1]], [*top, *low[::-1]]], axis=1), 1))
    return parts


def coral(rng: Rng) -> Outline:
    """A fan of forked fingers."""
    parts: Outline = [(lobe(0, 1, UP, 0.6, 0.12), 1)]
    for angle in UP + np.linspace(-1.3, 1.3, 5) + rng.normal(0, 0.04, 5):
        x, y = 0.75 * np.cos(angle), 0.62 + 0.75 * np.sin(angle)
        parts.append((lobe(0, 0.7, angle, 1.05, 0.10), 1))
        parts += [(lobe(x, y, angle + turn, 0.72, 0.09), 1) for turn in (-0.42, 0.42)]
    return parts


def pebble(rng: Rng) -> Outline:
    """A rounded scrap."""
    reach = 0.85 + 0.12 * np.cos(2 * TURN + rng.uniform(0, 6)) + 0.06 * np.cos(3 * TURN)
    return [(around(reach, TURN), 1)]


def cut(outline: Outline, place: Place, rounding: float, rng: Rng) -> Array:
    """Snip an outline out of paper with slightly unsteady scissors: its coverage."""
    x, y, wide, high, turn = place
    mask = Image.new("L", CANVAS[::-1])
    draw = ImageDraw.Draw(mask)
    cos, sin = np.cos(turn), np.sin(turn)
    for polygon, fill in outline:
        px, py = polygon.T * [[wide], [high]]
        points = np.stack([x + px * cos - py * sin, y + px * sin + py * cos], axis=1)
        draw.polygon(points.ravel().tolist(), 255 * fill)
    soft = from_image(mask.filter(ImageFilter.GaussianBlur(rounding)))
    snips = noise(CANVAS, 46, rng) + 0.6 * noise(CANVAS, 17, rng) - 0.8
    return smoothstep(0.42, 0.58, soft + 1.3 * snips * soft * (1 - soft))


def gouache(rng: Rng) -> Array:
    """The uneven cover of flat paint on paper: faint brush marks, pooling and fibres."""
    marks = noise((CANVAS[0], CANVAS[1] // 12), 9, rng)
    marks = sample(marks, *np.mgrid[: CANVAS[0], : CANVAS[1]] / np.array([1, 12])[:, None, None])
    fibre = noise(CANVAS, 2.2, rng) + 0.7 * noise(CANVAS, 4, rng) - 0.85
    return 0.05 * (marks - 0.5) + 0.16 * (fractal(CANVAS, 260, 5, rng) - 0.5) + 0.045 * fibre


def make_collage() -> Image.Image:
    """Paste panels, one big shape on each, and loose scraps over their seams."""
    rng = np.random.default_rng(8)
    sheets = [gouache(rng) for _ in range(3)]
    canvas = np.ones((*CANVAS, 3)) * PAPER

    def paste(outline: Outline, place: Place, color: Sequence[float], rounding: float) -> None:
        alpha = cut(outline, place, rounding, rng)
        cast = to_image(np.roll(alpha, (6, 5), axis=(0, 1))).filter(ImageFilter.GaussianBlur(5))
        sheet = np.roll(sheets[rng.integers(3)], rng.integers(0, 900, 2), axis=(0, 1))
        sheet = sheet + 0.10 * (alpha - np.roll(alpha, (2, 2), axis=(0, 1)))
        paper = np.array(color) * (1 + sheet[..., None]) + 0.3 * sheet[..., None]
        canvas[:] = mix(canvas * (1 - 0.40 * from_image(cast)[..., None]), paper, alpha)

    tiles = (
        (150, 175, 185, 205, COBALT, seaweed, PAPER),
        (475, 140, 165, 170, LEMON, star, CORAL),
        (790, 175, 180, 205, CORAL, coral, INK),
        (1125, 155, 190, 185, EMERALD, leaf, LEMON),
        (180, 530, 215, 185, ROSE, wave, VIOLET),
        (565, 520, 190, 245, INK, seaweed, LEMON),
        (905, 540, 190, 195, PAPER, leaf, COBALT),
        (1180, 525, 125, 225, ORANGE, seaweed, ROSE),
        (145, 870, 175, 190, EMERALD, coral, PAPER),
        (480, 890, 195, 165, SKY, leaf, CORAL),
        (850, 880, 200, 175, VIOLET, star, ORANGE),
        (1160, 885, 150, 175, COBALT, wave, SKY),
    )
    loose = (
        (325, 330, 46, 40, INK, pebble),
        (700, 330, 62, 66, ROSE, star),
        (1035, 345, 50, 62, COBALT, pebble),
        (345, 715, 92, 100, LEMON, seaweed),
        (715, 735, 60, 54, EMERALD, pebble),
        (1030, 735, 84, 92, CORAL, coral),
        (30, 350, 54, 54, ORANGE, star),
        (620, 40, 56, 46, SKY, pebble),
        (955, 60, 40, 46, PAPER, pebble),
        (300, 990, 50, 44, ROSE, pebble),
        (660, 985, 56, 50, LEMON, star),
    )
    for x, y, wide, high, color, _, _ in tiles:
        paste(PANEL, (x, y, wide, high, rng.normal(0, 0.02)), color, 2.5)
    for x, y, wide, high, _, shape, color in tiles:
        paste(shape(rng), (x, y, 0.9 * wide, 0.9 * high, rng.normal(0, 0.14)), color, 5)
    for x, y, wide, high, color, shape in loose:
        paste(shape(rng), (x, y, wide, high, rng.normal(0, 0.5)), color, 3.5)
    return halve(to_image(canvas))
