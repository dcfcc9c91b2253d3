"""A landscape: a lake before snowy peaks at evening, ray-marched from fractal terrain."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .pixels import (
    Array,
    Color,
    Point,
    Rng,
    fractal,
    from_image,
    halve,
    mix,
    noise,
    sample,
    shade,
    smoothstep,
    to_image,
)

Shapes = list[tuple[Color, list[Point]]]

WIDTH, HEIGHT, HORIZON, FOCAL, EYE = 1280, 960, 560, 1230.0, 14.0
CELL, GRID = 8.0, (1280, 1400)  # metres per cell of the terrain, and its depth and breadth
SUNLIGHT, SKYLIGHT, HAZE = (2.5, 1.62, 0.92), (0.30, 0.38, 0.56), (0.66, 0.60, 0.62)


def box(left: float, low: float, right: float, high: float) -> list[Point]:
    """List the corners of an upright rectangle."""
    return [(left, low), (left, high), (right, high), (right, low)]


FRAME, GLOW, WALL = (232, 214, 188), (255, 206, 104), (104, 48, 40)
CABIN: Shapes = [
    ((196, 112, 74), [(-8, -2), (-8, 3.8), (-5, 7.6), (-2, 3.8), (-2, -2)]),
    (WALL, box(-2, -2, 8, 3.8)),
    ((70, 62, 70), [(-5.3, 7.9), (6, 7.9), (8.8, 3.4), (-1.8, 3.4)]),
    ((222, 186, 150), [(-8.6, 3.3), (-5.3, 7.9), (-4.7, 7.9), (-8, 3.2)]),
    ((120, 84, 72), box(3.2, 7, 4.6, 9.6)),
    *((FRAME, box(x - 0.3, 0.7, x + 2.3, 3.1)) for x in (-6, 0, 4)),
    *((GLOW, box(x, 1, x + 2, 2.8)) for x in (-6, 0, 4)),
]
BOAT: Shapes = [
    ((62, 34, 30), [(-3.2, 0), (-3.8, 0.9), (3.6, 1.1), (2.8, 0)]),
    (FRAME, [(-3.8, 0.9), (-3.8, 1.15), (3.6, 1.35), (3.6, 1.1)]),
    ((250, 232, 206), [(0.2, 1.7), (0.2, 9.6), (-3.4, 1.8)]),
    ((206, 170, 150), [(0.5, 1.6), (0.4, 8.4), (3.3, 1.7)]),
    ((60, 44, 36), box(0.2, 1, 0.42, 9.9)),
]


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
    """Turn metres right of and away from the viewer into a terrain row and column."""
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


def draw_shapes(draw: ImageDraw.ImageDraw, shapes: Shapes, foot: Point, scale: float) -> None:
    """Fill polygons given in metres right of and above ``foot``."""
    for color, points in shapes:
        draw.polygon([(foot[0] + x * scale, foot[1] - y * scale) for x, y in points], color)


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

    def foot(px: float, pz: float, ground: float) -> Point:
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
    draw_shapes(draw, CABIN, foot(66, 262, 3.0), 1.15 * FOCAL / 262)
    draw_shapes(draw, BOAT, foot(-16, 175, 0), FOCAL / 175)
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
    for near in np.sort(rng.uniform(0, 1, 6500)):  # blades of grass, the nearest last
        left = rng.uniform(0, WIDTH)
        base = bank[int(left)] + 4 + near * (HEIGHT + 20 - bank[int(left)])
        tall, lean = rng.uniform(10, 34) * (0.6 + 0.8 * near), rng.normal(3, 5)
        tint = shade((112, 92, 40), rng.uniform(0.2, 0.55) + 0.75 * float(rng.random() < 0.12))
        middle = (left + lean * 0.4, base - tall * 0.6)
        blade = [(left, base), middle, (left + lean, base - tall)]
        draw.line(blade, tint, 2)


def make_photograph() -> Image.Image:
    """Render the landscape: what stands round the lake, its reflection, the near bank."""
    rng = np.random.default_rng(20)
    height = make_terrain(rng)
    lit, sky = light_terrain(height, rng), paint_sky(rng)
    scene, lake = render_view(height, lit, sky, EYE)
    below, _ = render_view(height, lit, sky, -EYE)
    mirror = np.zeros_like(below)
    mirror[HORIZON:] = below[HORIZON : 2 * HORIZON - HEIGHT : -1]
    lake[: HORIZON + 1] = False
    image = to_image(np.where(lake[..., None], ripple(mirror, rng), scene))
    draw_foreground(image, rng)
    small = from_image(halve(image))
    grain = rng.normal(0, 0.008, small.shape[:2])[..., None]
    return to_image(0.75 * small + 0.31 * smoothstep(0, 1, small) + grain)
