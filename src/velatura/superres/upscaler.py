"""Enlarge photographs, with PyTorch."""

from collections.abc import Callable
from typing import Any

from PIL import Image

from velatura.errors import ConfigError
from velatura.images.io import ImageLike, Picture, name_of, read, to_pil
from velatura.perception.devices import pick_device, pick_dtype
from velatura.superres.models import REGISTRY, load
from velatura.superres.network import enlarged
from velatura.superres.options import SCALES
from velatura.training.modelfile import damaged
from velatura.version import __version__


class Upscaler:
    """A model, ready to enlarge.

    Args:
        model: `faithful`, `perceptual`, or the path of a file.
        scale: how many times: 2, 3 or 4.
        device, precision: where and in what the network runs.

    Raises:
        ConfigError, WeightsError: there is no such model or scale, or it is damaged.
    """

    def __init__(
        self,
        model: str = "faithful",
        scale: int = 4,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        if scale not in SCALES:
            raise ConfigError(f"scale: expected one of {', '.join(map(str, SCALES))}, got {scale}")
        self.path = REGISTRY.find(model)
        learnt = load(model)
        self.model = model
        self.card, self.scale = learnt.card, scale
        self.device = pick_device(device)
        self.dtype = pick_dtype(precision, self.device)
        self.network = learnt.network.to(self.device)

    def __call__(self, image: ImageLike) -> Image.Image:
        """`upscale`, as functions are called."""
        return self.upscale(image)

    def to(self, device: str) -> "Upscaler":
        """Move the network to a device; returns itself."""
        self.device = pick_device(device)
        self.network.to(self.device)
        return self

    def upscale(
        self, photograph: ImageLike, on_progress: Callable[[float], None] = lambda done: None
    ) -> Image.Image:
        """Enlarge a photograph; RGBA if it is partly transparent, of 8 bits always.

        Its `info["velatura"]` says how it was made.
        `on_progress` is told the share done. Raises ImageError if it cannot be read.
        """
        large = self.enlarge(read(photograph), on_progress)
        image = to_pil(large.pixels, large.alpha)
        image.info["velatura"] = self.settings(name_of(photograph))
        return image

    def settings(self, content: str | None) -> dict[str, Any]:
        """What is stored in a picture that was made of the file `content`."""
        model = {"model": self.model, "scale": self.scale, "upscale": dict(self.card)}
        return {"velatura": __version__, "content": content, **model}

    def enlarge(
        self, picture: Picture, on_progress: Callable[[float], None] = lambda done: None
    ) -> Picture:
        """Enlarge pixels and alpha, without rounding them. What is grey stays grey.

        Raises WeightsError if the model makes no picture of them.
        """
        pixels = picture.pixels.to(self.device)
        large = self.network.upscale(pixels, self.scale, on_progress, self.dtype)
        if bool(large.isnan().any()):
            raise damaged(self.path, ValueError("it makes pixels that are no numbers"))
        if (pixels == pixels[:, :1]).all():  # of grey the network makes nearly grey
            large = large.mean(1, keepdim=True).expand_as(large)
        alpha = picture.alpha
        return Picture(large, None if alpha is None else enlarged(alpha, self.scale).clamp(0, 1))
