import io
import logging
import random

import numpy as np
import pytest
from PIL import Image

from velatura.errors import ImageError
from velatura.images.io import read_image


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_decoders_of_damaged_files_print_nothing(tmp_path, compression, capfd):
    chance = random.Random(0)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8))
    whole = io.BytesIO()
    image.save(whole, "TIFF", compression=compression)
    refused = []
    for _ in range(60):
        damaged = bytearray(whole.getvalue())
        for _ in range(4):
            damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        (tmp_path / "damaged.tif").write_bytes(damaged)
        try:
            read_image(tmp_path / "damaged.tif")
        except ImageError as error:
            refused.append(str(error))
    assert len(refused) > 10
    assert all("damaged.tif" in told for told in refused)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["PIL", "tifffile"])
def test_what_decoders_log_is_not_printed(name):
    """Python prints warnings on stderr where no handler is found."""
    assert logging.getLogger(name).handlers
