from io import BytesIO

import numpy as np
import torch

from velatura import Painter
from velatura.images.io import read


def test_it_is_called_with_images_of_every_kind(photograph, tmp_path):
    painter = Painter("starry_night", precision="fp32").to("cpu")
    photograph.save(tmp_path / "a.png")
    whole = np.asarray(painter(tmp_path / "a.png"))
    tensor = read(photograph).pixels
    buffer = BytesIO((tmp_path / "a.png").read_bytes())
    kinds = (photograph, np.asarray(photograph), tensor, tensor[0], buffer, buffer.getvalue())
    for image in (*kinds, (tensor * 255).round().to(torch.uint8)):
        assert (np.asarray(painter(image)) == whole).all()


def test_the_picture_says_how_it_was_made(photograph, tmp_path):
    photograph.save(tmp_path / "a.png")
    made = Painter("starry_night", strength=0.5)(tmp_path / "a.png", size=48).info["velatura"]
    assert (made["content"], made["style"]) == ("a.png", "starry_night")
    assert (made["size"], made["strength"]) == (48, 0.5)
