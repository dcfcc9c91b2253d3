"""Small images and the network, made once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from velatura.perception import weights

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept between runs is not kept in the home of who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VELATURA_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def embedded() -> weights.Weights:
    return weights.load()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium, or the one that $CHROMIUM names."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.fail(
            "tests of pages need Chromium: apt-get install chromium, or name one in $CHROMIUM"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def photograph() -> Image.Image:
    """A cat, 96×64."""
    return Image.fromarray(data.chelsea()).resize((96, 64))


@pytest.fixture(scope="session")
def painting() -> Image.Image:
    """Something with texture, 80×80."""
    return Image.fromarray(data.immunohistochemistry()).resize((80, 80))


@pytest.fixture
def files(tmp_path: Path, photograph: Image.Image, painting: Image.Image) -> Path:
    """A folder with photo.png and painting.png."""
    photograph.save(tmp_path / "photo.png")
    painting.save(tmp_path / "painting.png")
    return tmp_path


def random_image(generator: torch.Generator, height: int, width: int) -> torch.Tensor:
    """Random pixels (1, 3, height, width) on the grid of 8-bit values."""
    return torch.randint(256, (1, 3, height, width), generator=generator) / 255


def save(image: torch.Tensor, path: Path) -> str:
    array = (image[0] * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(np.ascontiguousarray(array)).save(path)
    return str(path)
