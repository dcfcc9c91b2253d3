import numpy as np

from velatura import Upscaler
from velatura.images.io import read


def test_it_is_called_with_images_and_says_how_they_were_made(photograph, tmp_path):
    upscaler = Upscaler(scale=2, precision="fp32").to("cpu")
    photograph.save(tmp_path / "a.png")
    picture = upscaler(tmp_path / "a.png")
    assert picture.size == (192, 128)
    made = picture.info["velatura"]
    assert (made["content"], made["model"], made["scale"]) == ("a.png", "faithful", 2)
    assert (np.asarray(upscaler(read(photograph).pixels[0])) == np.asarray(picture)).all()
