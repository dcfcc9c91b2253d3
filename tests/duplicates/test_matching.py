import random
from pathlib import Path

import pytest
from drawn_pictures import CALIBRATED, MEASURED, glyph, letter, page, window
from PIL import Image
from transformations import TRANSFORMATIONS

from velatura.duplicates.find import find_duplicates


def groups(folder: Path, pictures: dict[str, Image.Image]) -> list[list[str]]:
    for name, picture in pictures.items():
        picture.save(folder / name)
    found = find_duplicates(folder, device="cpu").groups
    return [sorted(Path(member.path).name for member in group.members) for group in found]


def test_pages_of_random_words_are_not_copies(tmp_path):
    pages = {
        f"{number}.png": page(CALIBRATED, random.Random(number), number) for number in range(4)
    }
    pages["copy.jpg"] = pages["2.png"].resize((532, 742))
    assert groups(tmp_path, pages) == [["2.png", "copy.jpg"]]


@pytest.mark.parametrize(("draw", "how"), [(letter, "rotation 5°"), (window, "screenshot")])
def test_pages_that_were_turned_or_framed_are_found(tmp_path, draw, how):
    pictures = {f"{n}.png": draw(CALIBRATED, random.Random(n), n) for n in range(3)}
    pictures["copy.png"] = TRANSFORMATIONS[how](pictures["1.png"], random.Random(0))
    assert groups(tmp_path, pictures) == [["1.png", "copy.png"]]


def test_letters_of_one_firm_are_not_copies(tmp_path):
    letters = {f"{n}.png": letter(MEASURED, random.Random(n), n) for n in range(4)}
    letters["copy.jpg"] = letters["1.png"].crop((0, 40, 640, 940))
    assert groups(tmp_path, letters) == [["1.png", "copy.jpg"]]


def test_windows_of_one_program_are_not_copies(tmp_path):
    windows = {f"{n}.png": window(MEASURED, random.Random(n), n) for n in range(4)}
    windows["copy.jpg"] = windows["3.png"].resize((600, 382))
    assert groups(tmp_path, windows) == [["3.png", "copy.jpg"]]


@pytest.mark.parametrize("hand", [CALIBRATED, MEASURED])
def test_e_and_f_are_not_copies(tmp_path, hand):
    glyphs = {f"{'ABCDEF'[n]}.png": glyph(hand, random.Random(0), n) for n in (4, 5)}
    glyphs["copy.jpg"] = glyphs["F.png"].resize((100, 100))
    assert groups(tmp_path, glyphs) == [["F.png", "copy.jpg"]]


def test_one_picture_alone_is_no_copy(tmp_path):
    assert not groups(tmp_path, {"page.png": page(MEASURED, random.Random(0), 0)})
