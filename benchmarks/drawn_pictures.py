"""Pages, screenshots, charts, icons and line drawings: what people have beside photographs.

They are drawn here. Pictures of one kind share their layout, as a firm's letters or a program's
windows do, and differ in what they say. Those that are measured have other fonts, words, colours
and sizes than those that the calibration sees.
"""

import math
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Named = tuple[str, Image.Image]

BUILT_IN = ""  # Pillow's own font
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
INK, PAPER = (20, 20, 24), (255, 255, 255)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ&%?"


class Hand(NamedTuple):
    """What a half of the pictures is drawn with, so that the halves have nothing in common."""

    prose: tuple[str, ...]  # fonts
    code: str  # a font of one width
    syllables: tuple[str, ...]
    colours: tuple[Colour, ...]
    scale: float  # of all sizes


CALIBRATED = Hand(
    (BUILT_IN, "DejaVuSans", "DejaVuSerif"),
    "DejaVuSansMono",
    ("la", "ver", "ti", "con", "mo", "est", "ra", "pul", "i", "den", "so", "qua", "um", "fe"),
    ((52, 101, 164), (204, 0, 0), (78, 154, 6), (245, 121, 0), (117, 80, 123)),
    1.0,
)
MEASURED = Hand(
    ("STIXGeneral", "cmr10", "cmss10"),
    "cmtt10",
    ("the", "wind", "er", "sto", "ny", "ham", "a", "let", "ing", "brook", "ly", "or", "shed", "ck"),
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (148, 103, 189), (214, 39, 40)),
    0.9,
)


def drawn_pictures(measured: bool, count: int) -> Iterator[Named]:
    """`count` pictures of each kind, with names that begin with the kind."""
    hand = MEASURED if measured else CALIBRATED
    for kind, draw in KINDS.items():
        for number in range(count):
            generator = random.Random(f"{kind} {number} {measured}")
            yield f"{kind}-{number}", draw(hand, generator, number)


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(FONTS / f"{name}.ttf", size) if name else ImageFont.load_default(size)


class Sheet:
    """A picture that is drawn on; all lengths are multiplied by the hand's scale."""

    def __init__(self, hand: Hand, size: tuple[int, int], ground: Colour = PAPER) -> None:
        self.hand = hand
        self.image = Image.new("RGB", tuple(self.length(side) for side in size), ground)
        self.draw = ImageDraw.Draw(self.image)

    def length(self, number: float) -> int:
        """Pixels of a length."""
        return round(number * self.hand.scale)

    def lengths(self, points: list[tuple[float, float]]) -> list[tuple[int, int]]:
        """Pixels of places."""
        return [(self.length(x), self.length(y)) for x, y in points]

    def box(self, left: float, top: float, right: float, bottom: float, **options) -> None:
        """A rectangle."""
        self.draw.rectangle(self.lengths([(left, top), (right, bottom)]), **options)

    def line(self, points: list[tuple[float, float]], fill: Colour = INK, width: float = 1) -> None:
        """A line through points."""
        self.draw.line(self.lengths(points), fill, max(1, self.length(width)), joint="curve")

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        fill: Colour = INK,
        name: str | None = None,
    ) -> None:
        """Words in a font, the first of prose unless told."""
        chosen = font(self.hand.prose[0] if name is None else name, self.length(size))
        self.draw.text(self.lengths([(x, y)])[0], words, fill, chosen)

    def paragraphs(
        self,
        area: tuple[float, float, float, float],
        generator: random.Random,
        size: float = 13,
        name: str | None = None,
    ) -> None:
        """Random words from the area's top to its bottom, a gap now and then."""
        left, top, right, bottom = area
        name = self.hand.prose[0] if name is None else name
        chosen = font(name, self.length(size))
        space = self.draw.textlength("n ", chosen) - self.draw.textlength("n", chosen)
        x, y, rest = left, top, generator.randint(20, 120)
        while y + size < bottom:
            told = word(self.hand, generator)
            width = (self.draw.textlength(told, chosen) + space) / self.hand.scale
            if x + width > right or not rest:
                x, y = left, y + size * (1.45 if rest else 2.2)
                rest = rest or generator.randint(20, 120)
                continue
            self.text(x, y, told, size, name=name)
            x, rest = x + width, rest - 1


def word(hand: Hand, generator: random.Random) -> str:
    return "".join(generator.choices(hand.syllables, k=generator.choice((1, 1, 2, 2, 3, 4))))


def words(hand: Hand, generator: random.Random, least: int, most: int) -> str:
    return " ".join(word(hand, generator) for _ in range(generator.randint(least, most)))


def page(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A page of prose."""
    sheet = Sheet(hand, (760, 1060))
    name = hand.prose[number % len(hand.prose)]
    sheet.paragraphs((80, 80, 690, 980), generator, name=name)
    sheet.text(370, 1010, str(number), 12)
    return sheet.image


def letter(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A letter of a firm: letterhead, address, date, text, the firm's foot."""
    sheet = Sheet(hand, (760, 1060))
    sheet.box(0, 0, 760, 14, fill=hand.colours[0])
    sheet.text(80, 50, hand.syllables[1].title() + " & " + hand.syllables[9].title(), 34)
    sheet.box(600, 50, 680, 100, fill=hand.colours[1])
    for row in range(3):
        sheet.text(80, 150 + 18 * row, words(hand, generator, 2, 3).title(), 13)
    sheet.text(560, 220, f"{generator.randint(1, 28)}. {generator.randint(1, 12)}. 2024", 13)
    sheet.text(80, 270, words(hand, generator, 3, 6).capitalize(), 16)
    sheet.paragraphs((80, 310, 690, generator.choice((620, 760, 900))), generator)
    sheet.line([(80, 985), (690, 985)], hand.colours[0], 2)
    for column in range(3):
        sheet.text(80 + 210 * column, 1000, f"{hand.syllables[column] * 3}  {column}7 44 01", 11)
    return sheet.image


def code(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """An editor's window, dark or light."""
    dark = number % 2
    sheet = Sheet(hand, (1000, 640), (30, 32, 38) if dark else (250, 250, 250))
    ink = (212, 214, 220) if dark else INK
    sheet.box(0, 0, 46, 640, fill=(44, 46, 54) if dark else (232, 232, 236))
    indent = 0
    for row in range(36):
        sheet.text(12, 14 + 17 * row, str(row + 1), 11, (128, 130, 136), hand.code)
        indent = max(0, min(5, indent + generator.choice((-1, 0, 0, 0, 1))))
        if generator.random() < 0.15:
            continue
        x = 60.0 + 28 * indent
        for _ in range(generator.randint(1, 6)):
            told = word(hand, generator) + generator.choice(("", "(", " =", ".", ":", ")"))
            fill = generator.choice((ink, ink, *hand.colours[:3]))
            sheet.text(x, 14 + 17 * row, told, 12, fill, hand.code)
            x += 7.6 * (len(told) + 1)
    return sheet.image


def window(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A program's window: folders at the side, a list of files with columns."""
    sheet = Sheet(hand, (1100, 700))
    sheet.box(0, 0, 1100, 40, fill=(222, 222, 226))
    for place, colour in enumerate(((236, 95, 86), (248, 190, 60), (98, 198, 84))):
        sheet.box(14 + 24 * place, 13, 28 + 24 * place, 27, fill=colour)
    sheet.text(480, 10, words(hand, generator, 1, 3), 15)
    sheet.box(0, 40, 210, 700, fill=(240, 240, 243))
    chosen = generator.randrange(12)
    for row in range(12):
        if row == chosen:
            sheet.box(8, 56 + 34 * row, 202, 84 + 34 * row, fill=hand.colours[0])
        sheet.text(26, 61 + 34 * row, hand.syllables[row].title() * 2, 14)
    for column, title in enumerate(("Name", "Date", "Size", "Kind")):
        sheet.text(230 + (0, 440, 620, 720)[column], 48, title, 13, (110, 110, 116))
    for row in range(generator.randint(14, 26)):
        y = 72 + 24 * row
        if row % 2:
            sheet.box(210, y - 3, 1100, y + 20, fill=(246, 246, 250))
        sheet.box(226, y, 240, y + 14, fill=generator.choice(hand.colours))
        sheet.text(250, y, words(hand, generator, 1, 4), 13)
        sheet.text(670, y, f"{generator.randint(1, 28)}.{generator.randint(1, 12)}.2023", 13)
        sheet.text(850, y, f"{generator.randint(1, 9999)} kB", 13)
        sheet.text(950, y, generator.choice(hand.syllables).upper(), 13)
    return sheet.image


def table(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A spreadsheet of numbers; some cells are empty, some coloured."""
    sheet = Sheet(hand, (900, 620))
    sheet.box(0, 0, 900, 24, fill=(230, 232, 236))
    for row in range(24):
        sheet.line([(0, 24 + 25 * row), (900, 24 + 25 * row)], (200, 202, 206))
        for column in range(9):
            if row == 0:
                sheet.line([(100 * column, 0), (100 * column, 620)], (200, 202, 206))
                sheet.text(12 + 100 * column, 4, word(hand, generator), 13)
            if generator.random() < 0.3:
                continue
            if generator.random() < 0.06:
                left, top = 100 * column + 2, 26 + 25 * row
                sheet.box(left, top, left + 96, top + 21, fill=generator.choice(hand.colours))
            told = f"{generator.lognormvariate(4, 3):,.2f}"
            sheet.text(10 + 100 * column, 29 + 25 * row, told[:12], 13)
    return sheet.image


def slide(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A slide of one talk: a title, points, now and then a picture's place."""
    sheet = Sheet(hand, (960, 540), (248, 248, 244))
    sheet.box(0, 0, 960, 70, fill=hand.colours[2])
    sheet.text(40, 16, words(hand, generator, 2, 4).title(), 34, PAPER)
    for row in range(generator.randint(3, 6)):
        sheet.box(50, 118 + 64 * row, 60, 128 + 64 * row, fill=hand.colours[2])
        sheet.text(80, 106 + 64 * row, words(hand, generator, 2, 6), 24)
    sheet.text(900, 508, str(number + 1), 16, (120, 120, 120))
    sheet.text(40, 508, hand.syllables[4].title() * 2 + " 2024", 16, (120, 120, 120))
    return sheet.image


def chart(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """Bars, lines, dots or a pie, in one frame, with a legend."""
    sheet = Sheet(hand, (720, 500))
    sheet.text(240, 16, words(hand, generator, 2, 4).title(), 20)
    for row in range(6):
        sheet.line([(70, 60 + 70 * row), (680, 60 + 70 * row)], (215, 215, 215))
        sheet.text(36, 52 + 70 * row, str(generator.randint(1, 9) * (5 - row)), 13)
    values = [[generator.random() * 330 for _ in range(9)] for _ in range(3)]
    what = number % 4
    if what == 3:
        start = 0.0
        box = sheet.lengths([(200, 80), (520, 400)])
        for colour in hand.colours:
            end = min(360.0, start + generator.uniform(20, 110))
            sheet.draw.pieslice([*box[0], *box[1]], start, end, colour)
            start = end
    for series, (colour, heights) in enumerate(zip(hand.colours, values, strict=False)):
        points = [(100 + 66 * n, 408 - height) for n, height in enumerate(heights)]
        if what == 0:
            for x, y in points:
                sheet.box(x + 16 * series, y, x + 16 * series + 13, 410, fill=colour)
        elif what == 1:
            sheet.line(points, colour, 3)
        elif what == 2:
            for x, y in points:
                x += generator.uniform(-30, 30)
                sheet.box(x - 4, y - 4, x + 4, y + 4, fill=colour)
        sheet.box(540, 440 + 18 * series, 552, 452 + 18 * series, fill=colour)
        sheet.text(560, 438 + 18 * series, word(hand, generator), 13)
    sheet.line([(70, 60), (70, 410), (680, 410)], INK, 2)
    return sheet.image


def icon(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """A sign of a few flat shapes on a rounded square: a set of icons of one look."""
    sheet = Sheet(hand, (256, 256))
    ground = hand.colours[number % 2]
    sheet.draw.rounded_rectangle(sheet.lengths([(8, 8), (248, 248)]), sheet.length(44), ground)
    for _ in range(generator.randint(2, 4)):
        x, y, reach = *(generator.uniform(70, 186) for _ in range(2)), generator.uniform(18, 52)
        fill = generator.choice((PAPER, PAPER, INK, hand.colours[3]))
        box = sheet.lengths([(x - reach, y - reach), (x + reach, y + reach)])
        shape = generator.randrange(4)
        if shape == 0:
            sheet.draw.ellipse(box, fill)
        elif shape == 1:
            sheet.draw.rectangle(box, fill)
        else:
            turn, corners = generator.uniform(0, math.tau), generator.choice((3, 3, 5))
            at = [turn + math.tau * corner / corners for corner in range(corners)]
            points = [(x + reach * math.cos(a), y + reach * math.sin(a)) for a in at]
            sheet.draw.polygon(sheet.lengths(points), fill)
    return sheet.image


def glyph(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """One large letter."""
    sheet = Sheet(hand, (240, 240))
    name = hand.prose[number // len(LETTERS) % len(hand.prose)]
    sheet.text(50, 10, LETTERS[number % len(LETTERS)], 180, name=name)
    return sheet.image


def drawing(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """Lines: polygons, waves, hatching."""
    sheet = Sheet(hand, (600, 600))
    for _ in range(generator.randint(5, 12)):
        x, y = (generator.uniform(60, 540) for _ in range(2))
        reach, turn = generator.uniform(30, 200), generator.uniform(0, math.tau)
        sides = generator.choice((2, 3, 4, 5, 40))
        squeeze = generator.uniform(0.3, 1)
        points = [
            (
                x + reach * math.cos(turn + math.tau * side / sides),
                y + squeeze * reach * math.sin(turn + math.tau * side / sides),
            )
            for side in range(sides + 1)
        ]
        sheet.line(points, INK, generator.choice((2, 2, 3, 5)))
    return sheet.image


def street_map(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """Streets, a river, parks and names."""
    sheet = Sheet(hand, (720, 720), (242, 239, 233))
    for _ in range(4):
        x, y, reach = (
            generator.uniform(0, 720),
            generator.uniform(0, 720),
            generator.uniform(40, 120),
        )
        sheet.box(x - reach, y - reach / 2, x + reach, y + reach / 2, fill=(200, 230, 190))
    y = generator.uniform(100, 620)
    river = []
    for x in range(0, 760, 40):
        river.append((float(x), y))
        y += generator.uniform(-50, 50)
    sheet.line(river, (170, 205, 230), 26)
    for n in range(22):
        x, y = generator.uniform(0, 720), generator.uniform(0, 720)
        angle = generator.choice((0.1, 0.1 + math.pi / 2)) + generator.gauss(0, 0.12)
        reach, width = generator.uniform(150, 800), 9 if n < 4 else 4
        far = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        sheet.line([(x, y), far], (180, 176, 170), width + 2)
        sheet.line([(x, y), far], (253, 214, 120) if n < 4 else PAPER, width)
    for _ in range(14):
        x, y = generator.uniform(20, 620), generator.uniform(20, 690)
        sheet.text(x, y, word(hand, generator).title(), 13, (80, 80, 84))
    return sheet.image


def poster(hand: Hand, generator: random.Random, number: int) -> Image.Image:
    """Flat fields of colour with large words."""
    sheet = Sheet(hand, (500, 700), generator.choice(hand.colours))
    for _ in range(generator.randint(1, 3)):
        x, y = generator.uniform(0, 400), generator.uniform(0, 600)
        width, height = generator.uniform(80, 400), generator.uniform(60, 400)
        sheet.box(x, y, x + width, y + height, fill=generator.choice((*hand.colours, PAPER)))
    y = generator.uniform(60, 300)
    for _ in range(generator.randint(1, 4)):
        sheet.text(40, y, word(hand, generator).upper(), generator.choice((40, 60)))
        y += 80
    return sheet.image


Draw = Callable[[Hand, random.Random, int], Image.Image]
KINDS: dict[str, Draw] = {
    "page": page,
    "letter": letter,
    "code": code,
    "window": window,
    "table": table,
    "slide": slide,
    "chart": chart,
    "icon": icon,
    "glyph": glyph,
    "drawing": drawing,
    "map": street_map,
    "poster": poster,
}
