"""Render Velatura's three sample pictures from nothing: a landscape, a canvas and a collage.

Run it from anywhere (it needs only NumPy and Pillow, and no network):

    python examples/make_samples.py

It writes ``photograph.jpg``, ``brush.jpg`` and ``collage.jpg`` into ``src/velatura/samples``.
Every random number comes from a fixed seed, and everything is drawn at twice the final size.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float64]
Rng = np.random.Generator
Color = tuple[int, int, int]

OUT = Path(__file__).resolve().parent.parent / "src" / "velatura" / "samples"
MAX_BYTES = 175_000

# ------------------------------------------------------------------------------ shared helpers


def noise(shape: tuple[int, int], cell: float, rng: Rng) -> Array:
    """Smooth random values in about 0..1 whose bumps are ``cell`` pixels across."""
    rows, cols = (int(np.ceil(side / cell)) + 3 for side in shape)
    grid = Image.fromarray(rng.random((rows, cols)).astype(np.float32))
    box = (1.0, 1.0, 1.0 + shape[1] / cell, 1.0 + shape[0] / cell)
    return np.asarray(grid.resize(shape[::-1], Image.Resampling.BICUBIC, box), dtype=float)


def fractal(
    shape: tuple[int, int], cell: float, octaves: int, rng: Rng, *, ridged: bool = False
) -> Array:
    """Sum octaves of noise, scaled to 0..1; ``ridged`` folds each octave into sharp crests."""
    total, gain, weight = np.zeros(shape), 1.0, np.ones(shape)
    for octave in range(octaves):
        layer = noise(shape, max(cell / 2**octave, 1.0), rng)
        if ridged:
            layer = (1 - np.abs(2 * layer - 1)).clip(0, 1) ** 2 * weight
            weight = (layer * 2.2 + 0.15).clip(0, 1)
        total += gain * layer
        gain *= 0.54 if ridged else 0.5
    return (total - total.min()) / np.ptp(total)


def smoothstep(low: float, high: float, value: Array) -> Array:
    t = ((value - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def mix(a: object, b: object, t: Array) -> Array:
    """Blend two colours (or colour images) by a map of weights."""
    return np.asarray(a, float) + (np.asarray(b, float) - np.asarray(a, float)) * t[..., None]


def sample(grid: Array, row: Array, col: Array) -> Array:
    """Read ``grid`` at fractional positions (bilinear, clamped to its borders)."""
    row, col = row.clip(0, grid.shape[0] - 1.001), col.clip(0, grid.shape[1] - 1.001)
    r, c = row.astype(int), col.astype(int)
    extra = (1,) * (grid.ndim - 2)
    fr, fc = (row - r).reshape(*r.shape, *extra), (col - c).reshape(*c.shape, *extra)
    top = grid[r, c] * (1 - fc) + grid[r, c + 1] * fc
    return top * (1 - fr) + (grid[r + 1, c] * (1 - fc) + grid[r + 1, c + 1] * fc) * fr


def to_image(pixels: Array) -> Image.Image:
    return Image.fromarray((pixels * 255).clip(0, 255).astype(np.uint8))


def from_image(image: Image.Image) -> Array:
    return np.asarray(image, dtype=float) / 255


def shade(color: Sequence[float], factor: float) -> Color:
    r, g, b = (int(min(max(channel * factor, 0), 255)) for channel in color)
    return r, g, b


# ---------------------------------------------------------------------------------- photograph

WIDTH, HEIGHT, HORIZON, FOCAL, EYE = 1280, 960, 560, 1230.0, 14.0
CELL, GRID = 8.0, (1280, 1400)  # metres per cell of the terrain, and its depth and breadth
SUNLIGHT, SKYLIGHT, HAZE = (2.5, 1.62, 0.92), (0.30, 0.38, 0.56), (0.66, 0.60, 0.62)


def make_terrain(rng: Rng) -> Array:
    """Heights in metres: a lake before the viewer, a spit of land, and wooded hills to peaks."""
    z, x = np.mgrid[: GRID[0], : GRID[1]] * CELL
    x -= GRID[1] * CELL / 2
    ridges = fractal(GRID, 330, 8, rng, ridged=True)
    valley = 1 - 0.66 * np.exp(-(((x - 0.07 * z) / (0.13 * z + 100)) ** 2))
    peaks = smoothstep(1500, 5200, z) * (120 + 2000 * ridges**1.15) * valley
    hills = smoothstep(640, 2300, z) * 330 * fractal(GRID, 120, 5, rng) * (0.25 + 0.75 * valley)
    shore = z - 640 - 260 * (fractal(GRID, 60, 4, rng) - 0.5)
    spit = 1 - ((x - 110) / 100) ** 2 - ((z - 285 + 0.1 * x) / 36) ** 2
    spit += 0.5 * (noise(GRID, 5, rng) - 0.5)
    height = np.where(shore > 0, np.minimum(shore * 0.08, 8) + peaks + hills, -1.0)
    trees = rng.random(GRID) * 13 * smoothstep(650, 380, height) * (shore > 30)
    return np.where(spit > 0, 4.5 * np.sqrt(spit.clip(0)), height + trees)


def light_terrain(height: Array, rng: Rng) -> Array:
    """Colour the terrain and light it with a low sun on the left, cast shadows included."""
    slope_z, slope_x = np.gradient(height, CELL)
    steep = np.hypot(slope_x, slope_z)
    sun = np.array([-0.86, 0.36, -0.36])
    facing = (-slope_x * sun[0] + sun[1] - slope_z * sun[2]) / np.sqrt(1 + steep**2)
    fall = 0.40 * CELL * np.arange(GRID[1])
    blocked = np.maximum.accumulate(height + fall, axis=1) - fall - height
    lit = facing.clip(0) * (1 - 0.85 * smoothstep(0, 30, blocked))
    grain = fractal(GRID, 40, 6, rng)
    rock = mix((0.20, 0.17, 0.16), (0.42, 0.35, 0.30), grain)
    wood = mix((0.030, 0.055, 0.025), (0.13, 0.125, 0.04), grain)
    land = mix(rock, wood, smoothstep(760, 420, height + 340 * (grain - 0.5)))
    snow = smoothstep(760, 980, height + 500 * (grain - 0.5)) * smoothstep(1.5, 0.75, steep)
    land = mix(land, (0.86, 0.87, 0.92), snow)
    land = mix(land, (0.16, 0.15, 0.05), ((height > 0) & (height < 5)).astype(float))
    return land * (lit[..., None] * SUNLIGHT + np.array(SKYLIGHT) * 0.75)


def march(height: Array, eye: float) -> Array:
    """Distance of the land seen in every pixel (infinite for sky) from ``eye`` metres up."""
    steps = np.geomspace(70, GRID[0] * CELL - 2 * CELL, 1500)
    side = (np.arange(WIDTH) - WIDTH / 2) / FOCAL
    ground = sample(height, *ground_cell(side[None] * steps[:, None], steps[:, None]))
    line = HORIZON - FOCAL * (ground.clip(0) - eye) / steps[:, None]
    if eye < 0:  # the mirrored view from below the lake looks through its surface
        line[ground <= 0] = 1e6
    skyline = np.minimum.accumulate(line, axis=0)
    rows = -np.arange(HEIGHT, dtype=float)
    first = [np.searchsorted(-column, rows) for column in skyline.T]
    return np.append(steps, np.inf)[np.stack(first, axis=1)]


def ground_cell(x: Array, z: Array) -> tuple[Array, Array]:
    x, z = np.broadcast_arrays(x, z)
    return z / CELL, x / CELL + GRID[1] / 2


def paint_sky(rng: Rng) -> Array:
    """An evening gradient with fractal clouds on a receding plane, lit from the left."""
    row, col = np.mgrid[:HEIGHT, :WIDTH]
    up = ((HORIZON - row) / FOCAL).clip(0)
    side = (col - WIDTH / 2) / FOCAL
    sky = mix((0.93, 0.60, 0.36), (0.62, 0.56, 0.58), smoothstep(0.0, 0.17, up + 0.05 * side))
    sky = mix(sky, (0.10, 0.22, 0.46), smoothstep(0.06, 0.50, up + 0.08 * side))
    plane = fractal((900, 1300), 100, 9, rng)
    far = 1 / (up + 0.10)
    v, u = far * 62 + 20, side * far * 78 + 650
    cloud, sunward = sample(plane, v, u), sample(plane, v + 3, u - 9)
    cover = smoothstep(0.48, 0.64, cloud) * smoothstep(0.0, 0.10, up)
    glow = (0.5 + 5.5 * (cloud - sunward)).clip(0, 1)
    body = mix((0.36, 0.31, 0.40), (1.25, 0.78, 0.50), glow)
    return mix(sky, body, 0.92 * cover)


def draw_conifer(draw: ImageDraw.ImageDraw, x: float, y: float, tall: float, rng: Rng) -> None:
    """A fir with its foot at (x, y): tiers of drooping boughs, warmer on the sunny left."""
    draw.line([(x, y), (x, y - 0.9 * tall)], (34, 25, 18), max(1, int(tall / 45)))
    spread, tiers = rng.uniform(0.17, 0.23), int(10 + tall / 10)
    for tier in range(tiers):
        t = (tier + rng.random()) / tiers
        root = y - tall * (1 - 0.95 * t)
        bulge = t**0.85 * rng.uniform(0.55, 1.1)
        for _ in range(int(5 + tall / 90)):
            lean = rng.uniform(-1, 1)
            reach = lean * tall * spread * bulge * rng.uniform(0.75, 1.1)
            tip = root + abs(reach) * rng.uniform(0.15, 0.55)
            light = rng.uniform(0.5, 1.0) * (1.0 - 0.65 * lean) * (0.75 + 0.5 * (1 - t))
            tint = shade((38 + 22 * max(-lean, 0), 44, 25), light)
            draw.line([(x, root), (x + reach, tip)], tint, 1 + int(tall > 160))
            for s in rng.uniform(0.25, 1, int(abs(reach) / 5)):  # twigs hang from the bough
                px, py = x + reach * s, root + (tip - root) * s
                drop = tall * 0.018 * rng.uniform(0.5, 1.6)
                draw.line([(px, py), (px + lean * drop, py + drop)], shade(tint, 1.15), 2)


def draw_cabin(draw: ImageDraw.ImageDraw, x: float, y: float, m: float) -> None:
    """A boathouse with lit windows, ``m`` pixels to the metre, its foot at (x, y)."""

    def quad(points: Sequence[tuple[float, float]], color: Color) -> None:
        draw.polygon([(x + px * m, y - py * m) for px, py in points], color)

    quad([(-8, -2), (-8, 3.8), (-5, 7.6), (-2, 3.8), (-2, -2)], (196, 112, 74))  # sunny gable
    quad([(-2, -2), (-2, 3.8), (8, 3.8), (8, -2)], (104, 48, 40))
    quad([(-5.3, 7.9), (6, 7.9), (8.8, 3.4), (-1.8, 3.4)], (70, 62, 70))
    quad([(-8.6, 3.3), (-5.3, 7.9), (-4.7, 7.9), (-8, 3.2)], (222, 186, 150))
    quad([(3.2, 7), (3.2, 9.6), (4.6, 9.6), (4.6, 7)], (120, 84, 72))
    for left, low, wide, high in ((-6, 1, 2, 1.8), (0, 0.9, 1.9, 1.7), (4, 0.9, 1.9, 1.7)):
        quad([(left - 0.3, low - 0.3), (left - 0.3, low + high + 0.3),
              (left + wide + 0.3, low + high + 0.3), (left + wide + 0.3, low - 0.3)],
             (232, 214, 188))  # fmt: skip
        quad([(left, low), (left, low + high), (left + wide, low + high), (left + wide, low)],
             (255, 206, 104))  # fmt: skip


def draw_boat(draw: ImageDraw.ImageDraw, x: float, y: float, m: float) -> None:
    """A small sailing boat: hull, mast, mainsail and jib."""
    for points, color in (
        ([(-3.2, 0), (-3.8, 0.9), (3.6, 1.1), (2.8, 0)], (62, 34, 30)),
        ([(-3.8, 0.9), (-3.8, 1.15), (3.6, 1.35), (3.6, 1.1)], (226, 206, 178)),
        ([(0.2, 1.7), (0.2, 9.6), (-3.4, 1.8)], (250, 232, 206)),
        ([(0.5, 1.6), (0.4, 8.4), (3.3, 1.7)], (206, 170, 150)),
        ([(0.2, 1.0), (0.2, 9.9), (0.42, 9.9), (0.42, 1.0)], (60, 44, 36)),
    ):
        draw.polygon([(x + px * m, y - py * m) for px, py in points], color)


def render_view(height: Array, lit: Array, sky: Array, eye: float) -> tuple[Array, Array]:
    """Sky, land, shore trees, cabin and boat from ``eye`` metres above (or below) the lake."""
    rng = np.random.default_rng(11)
    depth = march(height, eye)
    land = np.isfinite(depth)
    z = np.where(land, depth, 1.0)
    x = (np.arange(WIDTH) - WIDTH / 2)[None] / FOCAL * z
    cell = ground_cell(x, z)
    altitude = sample(height, *cell)
    veil = 1 - np.exp(-z / 9000 * (0.55 + 1.5 * np.exp(-altitude / 350)))
    color = mix(sample(lit, *cell), HAZE, veil)
    scene = np.where(land[..., None], color, sky) ** (1 / 1.9)
    sprites = Image.new("RGBA", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(sprites)

    def foot(px: float, pz: float, ground: float) -> tuple[float, float]:
        return WIDTH / 2 + FOCAL * px / pz, HORIZON - FOCAL * (ground - eye) / pz

    groves = rng.uniform(-560, 560, 90)
    far = rng.choice(groves, 1500) + rng.normal(0, 9, 1500)
    spots = np.column_stack([far, rng.uniform(520, 900, far.size)])
    near = np.column_stack([rng.uniform(20, 215, 170), rng.uniform(250, 318, 170)])
    spots = np.vstack([spots, near[(abs(near[:, 0] - 66) > 17) | (near[:, 1] > 290)]])
    ground = sample(height, *ground_cell(spots[:, 0], spots[:, 1]))
    for i in np.argsort(-spots[:, 1]):
        px, pz = spots[i]
        if ground[i] > 0.6 and (pz < 400 or ground[i] < 40):
            size = rng.gamma(4, 3.2) + 2 if pz > 400 else rng.gamma(4, 2.9) + 2
            base = min(ground[i], 7.0)
            draw_conifer(draw, *foot(px, pz, base), size * FOCAL / pz, np.random.default_rng(i))
    draw_cabin(draw, *foot(66, 262, 3.0), 1.15 * FOCAL / 262)
    draw_boat(draw, *foot(-16, 175, 0), FOCAL / 175)
    image = to_image(scene)
    image.paste(sprites, mask=sprites)
    bare = np.asarray(sprites)[..., 3] == 0
    return from_image(image), (altitude <= 0) & land & bare


def ripple(mirror: Array, rng: Rng) -> Array:
    """The lake: the mirrored view broken up by ripples that shrink with distance."""
    row, col = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    z = FOCAL * EYE / (row - HORIZON).clip(1)
    x = (col - WIDTH / 2) / FOCAL * z
    waves = fractal((1400, 1400), 26, 5, rng)
    calm = smoothstep(0.35, 0.65, fractal((400, 400), 60, 3, rng))
    streak = sample(calm, z * 0.9 % 398, x * 0.12 + 200)
    total = np.zeros_like(mirror)
    for tap in range(8):
        bump = sample(waves, z * 9 % 1300 + 10 * tap, x * 4.5 + 700 + 7 * tap) - 0.5
        reach = bump * (10 + 60 * (row - HORIZON).clip(0) / 400) * (0.45 + 0.9 * streak)
        total += sample(mirror, row + reach - 3 * tap + 10, col + 0.12 * reach)
    depth = smoothstep(0, 460, row - HORIZON)
    water = mix(total / 8, (0.05, 0.13, 0.17), 0.10 + 0.50 * depth)
    return water + 0.05 * (streak - 0.5)[..., None] * (1 - depth)[..., None]


def draw_foreground(image: Image.Image, rng: Rng) -> None:
    """A grassy bank and tall framing firs, close to the viewer."""
    draw = ImageDraw.Draw(image)
    curve = 905 - 75 * np.abs(np.linspace(-1.05, 0.95, WIDTH)) ** 2.2
    bank = curve + 45 * (fractal((1, WIDTH), 160, 6, rng)[0] - 0.5)
    draw.polygon([(0, HEIGHT), *enumerate(bank), (WIDTH, HEIGHT)], (24, 25, 15))
    firs = ((1262, 690), (1128, 300), (1190, 430), (196, 470), (20, 640), (270, 250), (104, 800))
    for x, tall in firs:
        draw_conifer(draw, x, bank[min(x, WIDTH - 1)] + 30, tall, rng)
    for y in np.sort(rng.uniform(0, 1, 6500)):
        x = rng.uniform(0, WIDTH)
        base = bank[int(x)] + 4 + y * (HEIGHT + 20 - bank[int(x)])
        tall, lean = rng.uniform(10, 34) * (0.6 + 0.8 * y), rng.normal(3, 5)
        tint = shade((112, 92, 40), rng.uniform(0.2, 0.55) + 0.75 * float(rng.random() < 0.12))
        draw.line(
            [(x, base), (x + lean * 0.4, base - tall * 0.6), (x + lean, base - tall)], tint, 2
        )


def make_photograph() -> Image.Image:
    rng = np.random.default_rng(20)
    height = make_terrain(rng)
    lit, sky = light_terrain(height, rng), paint_sky(rng)
    scene, lake = render_view(height, lit, sky, EYE)
    below, _ = render_view(height, lit, sky, -EYE)
    mirror = np.zeros_like(below)
    flipped = below[HORIZON::-1]
    mirror[HORIZON:] = flipped[: HEIGHT - HORIZON]
    lake[: HORIZON + 1] = False
    plain = from_image(to_image(scene))
    image = to_image(np.where(lake[..., None], ripple(mirror, rng), plain))
    draw_foreground(image, rng)
    small = from_image(image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS))
    small += rng.normal(0, 0.010, small.shape[:2])[..., None]
    return to_image(small)


# --------------------------------------------------------------------------------------- brush

CANVAS = (1024, 1280)
NIGHT, ULTRA, TEAL = (0.05, 0.07, 0.24), (0.10, 0.19, 0.56), (0.09, 0.48, 0.54)
PALE, CREAM, OCHRE = (0.55, 0.78, 0.74), (0.97, 0.90, 0.68), (0.90, 0.62, 0.14)
VERMILION, OLIVE = (0.86, 0.25, 0.12), (0.36, 0.44, 0.12)
DISCS = ((400, 350, 104), (760, 150, 36), (120, 120, 28))  # x, y, radius


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
        pull = 5 * np.exp(-((reach / (3.2 * radius)) ** 2))
        flow_x, flow_y = flow_x + pull * -dy / (reach + 9), flow_y + pull * dx / (reach + 9)
        t = reach / (3.4 * radius) + 0.03 * np.sin(9 * np.arctan2(dy, dx) + reach / 14)
        halo = ramp(t, (CREAM, CREAM, OCHRE, VERMILION, OCHRE, CREAM, PALE, TEAL, ULTRA))
        color = mix(color, halo, smoothstep(1.05, 0.75, t))
        detail = np.maximum(detail, smoothstep(1.1, 0.6, t))
    fields = (
        (560, 60, 210, (ULTRA, TEAL, NIGHT)), (640, 48, 150, (TEAL, OLIVE, PALE)),
        (720, 52, 260, (OCHRE, CREAM, OCHRE, VERMILION)), (815, 44, 180, (OLIVE, TEAL, NIGHT)),
        (900, 40, 240, (VERMILION, OCHRE, CREAM, OCHRE)),
    )  # fmt: skip
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
    up = (1010 - y) / 900
    lean = 1085 + 34 * np.sin(up * 6.5) * up
    width = 118 * np.sin(np.pi * up.clip(0, 1) ** 0.72) ** 0.8 * (1.05 - 0.55 * up)
    width += 16 * np.sin(y / 23 + 2 * np.sin(y / 61))
    inside = smoothstep(6, -6, abs(x - lean) - width * ((up > 0) & (up < 1)))
    flame = 0.5 + 0.5 * np.sin((x - lean) / 13 + 5 * np.sin(y / 120))
    color = mix(color, ramp(flame, (NIGHT, (0.04, 0.13, 0.16), (0.10, 0.27, 0.16), OLIVE)), inside)
    flow_x = flow_x * (1 - inside) + inside * (0.45 * np.sin(y / 70) + (x - lean) / 300)
    flow_y = flow_y * (1 - inside) - inside
    return color, np.arctan2(flow_y, flow_x), np.maximum(detail, inside)


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
    color: ImageDraw.ImageDraw, relief: ImageDraw.ImageDraw, path: Array, width: float,
    paint: Array, rng: Rng,
) -> None:  # fmt: skip
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
        color.line(points, shade((paint + tint[k]) * 255, 1), 3, joint=None)
        relief.line(points, int(np.clip(110 + 70 * across**4 + load[k], 0, 255)), 3)


def make_brush() -> Image.Image:
    rng = np.random.default_rng(5)
    plan, angle, detail = compose_canvas(rng)
    canvas, bumps = Image.new("RGB", CANVAS[::-1], (40, 44, 70)), Image.new("L", CANVAS[::-1], 60)
    pens = ImageDraw.Draw(canvas), ImageDraw.Draw(bumps)
    layers = ((54, 900, 9, 9.0, 0.0), (34, 1900, 9, 7.0, 0.0), (22, 2600, 8, 6.0, 0.35),
              (14, 3600, 8, 4.6, 0.75))  # width, strokes, steps, stride, detail  # fmt: skip
    for width, count, steps, stride, need in layers:
        start = rng.uniform(-10, 10, (count, 2)) + rng.random((count, 2)) * CANVAS[::-1]
        row = start[:, 1].clip(0, CANVAS[0] - 1).astype(int)
        col = start[:, 0].clip(0, CANVAS[1] - 1).astype(int)
        keep = rng.random(count) < 1 - need + need * detail[row, col]
        paint = plan[row, col] * (1 + rng.normal(0, 0.10, (count, 1))) + rng.normal(
            0, 0.03, (count, 3)
        )
        wobble = angle + 0.35 * (noise(CANVAS, 60, rng) - 0.5)
        for path, load in zip(
            trace_strokes(start[keep], wobble, steps, stride), paint[keep], strict=True
        ):
            draw_stroke(*pens, path, width * rng.uniform(0.75, 1.25), load, rng)
    relief = np.asarray(bumps.filter(ImageFilter.GaussianBlur(1.0)), dtype=float)
    slope_y, slope_x = np.gradient(relief)
    light = np.tanh((slope_x + 1.2 * slope_y) / 34)
    pixels = (
        from_image(canvas) * (1 + 0.34 * light[..., None]) + 0.10 * (light**3).clip(0)[..., None]
    )
    weave = 0.012 * (
        np.sin(np.arange(CANVAS[1]) * 1.6) + np.sin(np.arange(CANVAS[0]) * 1.6)[:, None]
    )
    image = to_image(pixels + weave[..., None])
    return image.resize((640, 512), Image.Resampling.LANCZOS)


# ------------------------------------------------------------------------------------- collage

Outline = list[tuple[Array, int]]  # polygons in a box of -1..1, each pasted (1) or cut out (0)
COBALT, EMERALD, LEMON, CORAL = (0.10, 0.24, 0.66), (0.04, 0.52, 0.36), (0.98, 0.80, 0.18), (
    0.92, 0.30, 0.20)  # fmt: skip
ROSE, INK, PAPER, VIOLET = (0.93, 0.48, 0.60), (0.08, 0.08, 0.11), (0.97, 0.95, 0.89), (
    0.42, 0.25, 0.58)  # fmt: skip
SKY, ORANGE = (0.36, 0.68, 0.82), (0.96, 0.55, 0.12)
TURN = np.linspace(0, 2 * np.pi, 72)


def lobe(x: float, y: float, angle: float, length: float, width: float) -> Array:
    """A drop-shaped finger that leaves (x, y) at ``angle`` and swells towards its tip."""
    along, across = length * (0.5 - 0.5 * np.cos(TURN)), width * np.sin(TURN)
    across = across * (0.55 + 0.45 * along / length)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x + along * cos - across * sin, y + along * sin + across * cos], axis=1)


def seaweed(rng: Rng) -> Outline:
    """A swaying stem with pairs of fingers that shrink towards the top."""
    bend, pairs = rng.uniform(-0.25, 0.25), int(rng.integers(4, 6))
    parts = []
    for t in np.linspace(0, 1, 24):
        parts.append(lobe(bend * np.sin(3 * t), 0.95 - 1.6 * t, -np.pi / 2, 0.2, 0.10 - 0.03 * t))
    for t in np.linspace(0.12, 0.95, pairs):
        for side in (-1, 1):
            rise = -np.pi / 2 + side * (1.15 - 0.55 * t + rng.normal(0, 0.06))
            size = (0.86 - 0.42 * t) * rng.uniform(0.9, 1.08)
            parts.append(lobe(bend * np.sin(3 * t), 0.95 - 1.6 * t, rise, size, 0.135 - 0.035 * t))
    return [(part, 1) for part in parts]


def leaf(rng: Rng) -> Outline:
    """A broad leaf with slits cut along its veins."""
    sway = rng.uniform(-0.2, 0.2)
    y = -np.cos(TURN)
    x = np.sin(TURN) * (0.62 - 0.16 * y) + sway * np.sin(2.5 * y)
    parts: Outline = [(np.stack([x, y], axis=1), 1)]
    for t in np.linspace(-0.62, 0.55, 5):
        for side in (-1, 1):
            start = sway * np.sin(2.5 * t) + 0.07 * side
            parts.append((lobe(start, t, -np.pi / 2 + side * 1.0, 0.36 - 0.12 * abs(t), 0.045), 0))
    return parts


def star(rng: Rng) -> Outline:
    """A soft star, or a flower, round a hole."""
    arms = int(rng.integers(6, 10))
    fine = np.linspace(0, 2 * np.pi, 240)
    reach = 0.70 + 0.28 * np.cos(arms * fine + rng.uniform(0, 6)) + 0.05 * np.cos(2 * fine)
    hole = 0.20 * np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
    return [(np.stack([reach * np.cos(fine), reach * np.sin(fine)], axis=1), 1), (hole, 0)]


def wave(rng: Rng) -> Outline:
    """Three ribbons that rise and fall together."""
    x, phase = np.linspace(-1, 1, 90), rng.uniform(0, 6)
    parts: Outline = []
    for level in (-0.55, 0.0, 0.55):
        top = level + 0.16 * np.sin(9 * x + phase) - 0.13
        low = level + 0.16 * np.sin(9 * x + phase - 0.35) + 0.13
        x_both, y_both = np.append(x, x[::-1]), np.append(top, low[::-1])
        parts.append((np.stack([x_both, y_both], axis=1), 1))
    return parts


def coral(rng: Rng) -> Outline:
    """A fan of forked fingers."""
    parts: Outline = [(lobe(0, 1, -np.pi / 2, 0.7, 0.12), 1)]
    for lean in np.linspace(-1.15, 1.15, 5):
        angle = -np.pi / 2 + lean + rng.normal(0, 0.05)
        parts.append((lobe(0, 0.55, angle, 1.05, 0.13), 1))
        x, y = 0.62 * np.cos(angle), 0.55 + 0.62 * np.sin(angle)
        parts += [(lobe(x, y, angle + turn, 0.62, 0.115), 1) for turn in (-0.55, 0.5)]
    return parts


def panel(_: Rng) -> Outline:
    return [(np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]), 1)]


def cut(outline: Outline, place: tuple[float, float, float, float, float], rng: Rng) -> Array:
    """Snip an outline out of paper at (x, y, half width, half height, turn): its coverage."""
    x, y, wide, high, turn = place
    mask = Image.new("L", CANVAS[::-1])
    draw = ImageDraw.Draw(mask)
    cos, sin = np.cos(turn), np.sin(turn)
    for polygon, fill in outline:
        px, py = polygon.T * [[wide], [high]]
        points = np.stack([x + px * cos - py * sin, y + px * sin + py * cos], axis=1)
        draw.polygon(points.ravel().tolist(), 255 * fill)
    soft = from_image(mask.filter(ImageFilter.GaussianBlur(7)))
    snips = noise(CANVAS, 46, rng) + 0.6 * noise(CANVAS, 17, rng) - 0.8
    return smoothstep(0.45, 0.55, soft + 0.30 * snips * (4 * soft * (1 - soft)))


def gouache(rng: Rng) -> Array:
    """The uneven cover of flat paint on paper: broad strokes, pooling and fibres."""
    strokes = noise((CANVAS[0], CANVAS[1] // 20), 5, rng)
    wide = np.asarray(Image.fromarray(strokes.astype(np.float32)).resize(CANVAS[::-1]), float)
    if rng.random() < 0.5:
        wide = np.resize(wide.T, (CANVAS[1], CANVAS[0]))[: CANVAS[0]]
        wide = np.pad(wide, ((0, 0), (0, CANVAS[1] - wide.shape[1])), mode="reflect")
    fibre = rng.normal(0, 1, CANVAS)
    fibre = fibre + np.roll(fibre, 1, axis=0) + np.roll(fibre, 1, axis=1)
    return 0.10 * (wide - 0.5) + 0.12 * (fractal(CANVAS, 200, 4, rng) - 0.5) + 0.014 * fibre


def make_collage() -> Image.Image:
    rng = np.random.default_rng(8)
    sheets = [gouache(rng) for _ in range(4)]
    canvas = np.ones((*CANVAS, 3)) * PAPER

    def paste(outline: Outline, place: tuple[float, ...], color: Sequence[float]) -> None:
        x, y, wide, high, turn = place
        alpha = cut(outline, (x, y, wide, high, turn), rng)
        cast = to_image(np.roll(alpha, (7, 6), axis=(0, 1))).filter(ImageFilter.GaussianBlur(5))
        canvas[:] *= 1 - 0.42 * from_image(cast)[..., None]
        sheet = np.roll(sheets[rng.integers(4)], rng.integers(0, 900, 2), axis=(0, 1))
        sheet = sheet + 0.08 * (alpha - np.roll(alpha, (2, 2), axis=(0, 1)))
        canvas[:] = mix(canvas, np.array(color) * (1 + sheet[..., None]) + 0.3 * sheet[..., None],
                        alpha)  # fmt: skip

    tiles = (
        (150, 170, 175, 190, COBALT, seaweed, PAPER), (455, 130, 150, 150, LEMON, star, CORAL),
        (770, 175, 185, 195, CORAL, coral, INK), (1120, 150, 185, 170, EMERALD, leaf, LEMON),
        (190, 530, 215, 185, ROSE, wave, VIOLET), (560, 505, 175, 240, INK, seaweed, LEMON),
        (900, 530, 180, 180, PAPER, leaf, COBALT), (1170, 520, 125, 215, ORANGE, seaweed, ROSE),
        (140, 870, 165, 170, EMERALD, coral, PAPER), (480, 880, 195, 160, SKY, leaf, CORAL),
        (850, 860, 190, 175, VIOLET, star, ORANGE), (1150, 880, 150, 165, COBALT, wave, SKY),
    )  # fmt: skip
    for x, y, wide, high, color, _, _ in tiles:
        paste(panel(rng), (x, y, wide, high, rng.normal(0, 0.02)), color)
    for x, y, wide, high, _, shape, color in tiles:
        paste(shape(rng), (x, y, 0.84 * wide, 0.84 * high, rng.normal(0, 0.12)), color)
    return to_image(canvas).resize((640, 512), Image.Resampling.LANCZOS)


# --------------------------------------------------------------------------------- save it all


def save(name: str, image: Image.Image) -> None:
    """Write a JPEG at the best quality of 90 and below that stays small."""
    for quality in (90, 89, 88, 86, 84, 80):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MAX_BYTES:
            break
    (OUT / name).write_bytes(buffer.getvalue())
    print(f"{name}: {image.width}x{image.height}, quality {quality}, {buffer.tell() // 1024} kB")


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[], Image.Image]] = {
        "photograph.jpg": make_photograph,
        "brush.jpg": make_brush,
        "collage.jpg": make_collage,
    }
    for name, make in pictures.items():
        save(name, make())


if __name__ == "__main__":
    main()
