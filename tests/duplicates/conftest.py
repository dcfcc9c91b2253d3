"""A few photographs, as files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="session")
def photographs() -> dict[str, Image.Image]:
    """Four photographs, about 320 pixels wide."""
    pictures = {
        "cat": data.chelsea(),
        "coffee": data.coffee(),
        "astronaut": data.astronaut(),
        "rocket": data.rocket(),
    }
    found = {}
    for name, array in pictures.items():
        picture = Image.fromarray(np.ascontiguousarray(array))
        picture.thumbnail((320, 320))
        found[name] = picture
    return found


@pytest.fixture
def library(tmp_path: Path, photographs: dict[str, Image.Image]) -> Path:
    """A folder with the four photographs."""
    folder = tmp_path / "library"
    folder.mkdir()
    for name, picture in photographs.items():
        picture.save(folder / f"{name}.png")
    return folder
