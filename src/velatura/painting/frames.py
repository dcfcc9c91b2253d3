"""The frames of a film, one after another: each begins with the last one and is held to it."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from velatura.errors import DivergenceError
from velatura.images.color import gray, with_lightness
from velatura.images.io import ImageLike
from velatura.painting import optimizers
from velatura.painting.config import FOCUS_LAYER, StyleConfig
from velatura.painting.engine import Step, transfer
from velatura.painting.image_terms import Earlier
from velatura.painting.inputs import Inputs, read_inputs
from velatura.painting.memory import limit_bytes, plan_memory
from velatura.painting.objective import Objective, StyleStatistics
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.saliency import saliency
from velatura.perception.vgg import VGG19

FIRST_STEP = 0.003  # root mean square change of a frame's first step; it is nearly done


class FramePainter:
    """Paints frames of one size. What it knows of the styles is found out once.

    Args:
        styles: one image or several.
        config: all options; `steps` are those of the first frame of a shot.
        masks, style_masks: as for `transfer`, the same for all frames.
    """

    def __init__(
        self,
        styles: "ImageLike | Iterable[ImageLike]",
        config: StyleConfig,
        masks: "ImageLike | Iterable[ImageLike]" = (),
        style_masks: "ImageLike | Iterable[ImageLike]" = (),
    ) -> None:
        self.styles, self.config = styles, config
        self.masks, self.style_masks = masks, style_masks
        self.device = pick_device(config.device)
        self.limit = limit_bytes(config.memory, self.device)
        self.network: VGG19 | None = None
        self.statistics: StyleStatistics | None = None

    def look(self, frame: Tensor, config: StyleConfig) -> None:
        """Take a frame (1, 3, height, width) for the first one of a shot.

        The colours of those after it are changed as its own are, so that they stay steady.
        """
        self.inputs = read_inputs(
            frame, self.styles, config, self.device, self.masks, self.style_masks
        )
        if config.colors != "style":  # the style's colours are the shot's
            self.statistics = None

    def begin(self, frame: Tensor, config: StyleConfig) -> Iterator[Step]:
        """Paint the first frame (1, 3, height, width) of a shot as `transfer` paints a picture."""
        self.look(frame, config)
        yield from transfer(
            frame, self.styles, config, masks=self.masks, style_masks=self.style_masks
        )

    @torch.inference_mode(False)
    def go_on(self, frame: Tensor, earlier: Earlier, config: StyleConfig, steps: int) -> Tensor:
        """Paint the next frame of the shot in so many steps, (1, 3, height, width) in [0, 1].

        It begins with `earlier`'s image where that holds, with the frame elsewhere. `config` may
        differ from the first frame's in strength and blend.

        Raises DivergenceError if the loss or its gradient is no finite number any more.
        """
        config = config.at_effort()
        now = self._recoloured(frame.to(self.device), config)
        held = earlier._replace(
            image=earlier.image.to(self.device), weights=earlier.weights.to(self.device)
        )
        if now.colors is not None:
            held = held._replace(image=gray(held.image))
        objective = self._objective(now, held, config, steps)
        image = torch.lerp(now.content, held.image, held.weights)
        objective.match(torch.lerp(now.content, image, config.matched_share))
        optimizer = optimizers.build(config, steps, FIRST_STEP)
        for _ in range(steps):
            image = optimizer.step(image, objective(image)[1])
        if not torch.isfinite(image).all():
            raise DivergenceError("a frame diverged: expected finite numbers; smaller weights do")
        image = image.clamp(0, 1)
        return image if now.colors is None else with_lightness(now.colors, image)

    def _recoloured(self, frame: Tensor, config: StyleConfig) -> Inputs:
        """A frame with the change of colours that the first one of the shot has.

        Colours are changed by what can be seen of a picture: here of the two beside each other the
        first one.
        """
        first, width = self.inputs.content, frame.shape[-1]
        seen = torch.ones_like(first[:, :1])
        both = self.inputs._replace(
            content=torch.cat([first, frame], dim=3),
            alpha=torch.cat([seen, torch.zeros_like(seen)], dim=3),
            masks=[torch.cat([mask, mask], dim=3) for mask in self.inputs.masks],
        ).recoloured(config)
        return both._replace(
            content=both.content[..., width:],
            colors=None if both.colors is None else both.colors[..., width:],
            masks=self.inputs.masks,
            alpha=None,
        )

    def _objective(self, now: Inputs, held: Earlier, config: StyleConfig, steps: int) -> Objective:
        if self.network is None:
            self.network = VGG19(
                weights.load(config.weights),
                config.layers,
                pooling=config.pooling,
                padding=config.padding,
                device=self.device,
                dtype=pick_dtype(config.precision, self.device),
            )
        size = (now.content.shape[-2], now.content.shape[-1])
        focus = None
        if config.has_focus:
            places = saliency(self.network, now.content, FOCUS_LAYER)
            focus = torch.lerp(torch.ones_like(places), places, config.content_focus)
        config = config.at_scale(max(size), first=False, last=True)
        if self.statistics is None:
            self.looked_at = now.at(size, config)
        objective = Objective(
            self.network,
            now.content,
            self.looked_at.styles,
            config,
            plan_memory(size, steps, config, self.network.dtype, self.limit).tile_pixels,
            None,
            self.looked_at.masks,
            self.looked_at.style_masks,
            focus,
            self.statistics,
            held,
        )
        self.statistics = objective.statistics
        return objective
