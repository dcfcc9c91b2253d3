"""A user's program as type checkers see it. Nothing runs it; `make lint` checks it.

Each line marked as an error has to be one: an unused `type: ignore` is an error itself.
"""

import numpy as np
import torch
from PIL import Image

import velatura
from velatura import Step, StyleConfig


def right() -> None:
    picture: Image.Image = velatura.stylize("photo.jpg", "painting.jpg", size=256)
    velatura.stylize(np.zeros((8, 8, 3)), [torch.zeros(3, 8, 8)], steps=[20, 10], strength=0.7)
    velatura.stylize("photo.jpg", b"...", on_step=lambda step: print(step.loss))
    velatura.stylize("photo.jpg", picture, StyleConfig(size=64), masks=["mask.png"])
    for step in velatura.transfer("photo.jpg", "painting.jpg"):
        shown: Step = step
        print(shown.number, shown.image.shape)
    result = velatura.run(velatura.Job("photo.jpg", ["painting.jpg"]))
    print(result.seconds, result.losses["content relu4_2"])


def wrong() -> None:
    velatura.stylize("photo.jpg", "painting.jpg", sise=256)  # type: ignore[call-arg]
    velatura.stylize("photo.jpg", "painting.jpg", size="256")  # type: ignore[arg-type]
    velatura.stylize("photo.jpg", "painting.jpg", colors="none")  # type: ignore[arg-type]
    velatura.stylize(5, "painting.jpg")  # type: ignore[arg-type]
    velatura.stylize("photo.jpg", "painting.jpg", on_step=5)  # type: ignore[arg-type]
    velatura.nonexistent()  # type: ignore[attr-defined]
    StyleConfig(sise=256)  # type: ignore[call-arg]
