"""The one source of every option of a painting: name, type, default, unit, one line of help.

The command line, the settings stored in a picture and the recipes are read off `StyleConfig`.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from velatura.errors import ConfigError
from velatura.options import Options, check, option
from velatura.perception.layers import block, check_layer

STARTS = ("content", "noise", "blurred-noise", "white", "gray", "blur", "style")
SHALLOW = 3  # the deepest block of the network that every scale looks at
EARLY_NEIGHBORS = 0.3  # of their weight at the first scale


class Effort(NamedTuple):
    """How much work goes into a painting: what differs from the default, unless it is given."""

    steps: float  # in terms of the default's, at each scale
    options: dict[str, Any]


EFFORTS = {
    "instant": Effort(0.2, {"optimizer": "learned", "neighbor_turns": 1}),
    "quick": Effort(0.4, {"optimizer": "learned", "neighbor_turns": 1}),
    "default": Effort(1.0, {}),
    "best": Effort(2.0, {"deep_size": 0}),
}
FOCUS_LAYER = "relu5_1"  # whose features tell things from empty places


@dataclass(frozen=True)
class StyleConfig(Options):
    """How a picture is painted. Raises ConfigError where a value is out of its range."""

    size: int = option(
        512, "long side of the picture in pixels; a smaller photograph stays small", at_least=16
    )
    steps: tuple[int, ...] = option(
        (), "optimisation steps: one total, or one number a scale from coarse to fine", at_least=1
    )
    effort: Literal["instant", "quick", "default", "best"] = option(
        "default", "how much work goes into it, where steps and optimizer are not given"
    )
    init: str = option(
        "content",
        f"what to start from: {', '.join(STARTS)}, or an image file",
        is_path=True,
        among=STARTS,
    )
    content_layers: dict[str, float] = option(
        {"relu3_1": 0.3, "relu4_2": 0.7},
        "layers whose features hold the content, with weights",
        at_least=0,
    )
    style_layers: dict[str, float] = option(
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 0.5, "relu5_1": 0.25},
        "layers whose statistics hold the style, with weights",
        at_least=0,
    )
    content_weight: float = option(
        0.7, "weight of the content (alpha): higher is more photograph", at_least=0
    )
    content_focus: float = option(
        0.5,
        "share of the content's weight that goes to faces and things; 0 is to all places alike",
        at_least=0,
        at_most=1,
    )
    style_weight: float = option(
        1.0, "weight of the style (beta): higher is more painting", at_least=0
    )
    color_weight: float = option(
        1.0,
        "weight of the painting's colours beside its layers, as a whole distribution",
        at_least=0,
    )
    neighbor_layers: dict[str, float] = option(
        {"relu2_1": 1.0, "relu3_1": 2.0, "relu4_1": 1.0},
        "layers whose features are those of the style's most similar places, with weights",
        at_least=0,
    )
    neighbor_weight: float = option(
        1.0, "weight of these neural neighbours: higher is more of the painter's stroke", at_least=0
    )
    neighbor_turns: int = option(
        4,
        "quarter turns in which the style's places are compared; fewer take less time",
        at_least=1,
        at_most=4,
    )
    deep_size: int = option(
        320,
        "long side in pixels up to which layers of blocks 4 and 5 are looked at; 0 for any",
        at_least=0,
    )
    forms_first: float = option(
        2.0,
        "how many times more forms weigh before the last scale: content, style from conv4_1 on",
        above=0,
    )
    tv_weight: float = option(0.0, "weight of total variation: higher is smoother", at_least=0)
    content_loss: Literal["relative", "mse", "sum"] = option(
        "relative",
        "squared error of features: relative to the photograph's, its mean, or half its sum",
    )
    style_loss: Literal["wasserstein", "gram"] = option(
        "wasserstein", "distance of the layers' second moments: Wasserstein-2, or Gram matrices"
    )
    gram_norm: Literal["positions", "elements", "root-elements", "none"] = option(
        "positions", "what Gram matrices are divided by"
    )
    blend: tuple[float, ...] = option(
        (), "weights of several styles; equal if not given", at_least=0
    )
    blend_layers: dict[str, tuple[float, ...]] = option(
        {}, "other weights at some layers, as relu1_1=1:0,relu4_1=0:1", at_least=0
    )
    mask: tuple[str, ...] = option(
        (),
        "where each style goes: one image for each, white for there, grey for partly",
        is_path=True,
    )
    style_mask: tuple[str, ...] = option(
        (), "what of each style is looked at: one image for each, white for that", is_path=True
    )
    palette: Literal["painting", "photograph"] = option(
        "painting", "whose colours to begin with; the painting's mean and spread, or none changed"
    )
    colors: Literal["style", "content-luminance", "content-match"] = option(
        "style",
        "the style's, or the photograph's: only lightness is painted, or the style is recoloured",
    )
    strength: float = option(
        0.5, "one dial from photograph (0) to painting (1)", at_least=0, at_most=1
    )
    stroke_size: float = option(
        1.0, "how large the strokes are: 2 is twice as large, 0.5 half", above=0, slider=(0.25, 4.0)
    )
    style_shape: Literal["kept", "picture"] = option(
        "kept", "shape of the style image: its own, or squashed to the picture's"
    )
    pooling: Literal["max", "average"] = option("max", "how the network's pools pool")
    padding: Literal["zero", "replicate"] = option(
        "replicate", "what the network sees beyond the picture's border"
    )
    optimizer: Literal["lbfgs", "adam", "learned"] = option("lbfgs", "how to descend")
    updates: str = option(
        "default", "of the learned optimizer: default, or a .safetensors file", is_path=True
    )
    learning_rate: float = option(
        1.0,
        "length of a step: times L-BFGS's own or the learned one, or Adam's × 0.02",
        above=0,
    )
    basis: Literal["fourier", "pixels"] = option(
        "fourier", "what L-BFGS works on: frequencies, coarse ones first, or pixels"
    )
    single_scale: bool = option(False, "paint at full size from the start")
    seed: int = option(0, "of the noise that a noise start begins with", at_least=0, below=2**63)
    device: str = option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = option(
        "auto", "of the network's convolutions; auto is bf16 where the processor has it"
    )
    memory: str = option(
        "auto", "limit such as 6GB, beyond which the picture is seen in tiles; auto is what is free"
    )
    max_pixels: float | None = option(
        None, "most pixels of an image that is read; if not given, as many as memory holds", above=0
    )
    weights: str = option(
        "embedded", "embedded, torchvision, or a .pth or .safetensors file", is_path=True
    )
    max_seconds: float | None = option(
        None, "stop after this many seconds with what is painted; resumed, as many again", above=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.single_scale:
            check(len(self.steps) < 2, "single-scale", self.steps, "one number of steps")
        check(
            self.memory == "auto" or bool(re.fullmatch(r"\d+(\.\d+)?[MG]B", self.memory, re.I)),
            "memory",
            self.memory,
            "auto, or a size such as 6GB or 800MB",
        )
        for name in ("content_layers", "style_layers", "neighbor_layers", "blend_layers"):
            for layer in getattr(self, name):
                check_layer(layer)
        for name, weights in (("blend", self.blend), *self.blend_layers.items()):
            check(not weights or sum(weights) > 0, name, weights, "weights that are not all 0")
        shares = [self.effective_content_weight * weight for weight in self.content_layers.values()]
        shares += [self.style_weight * weight for weight in self.style_layers.values()]
        shares += self._neighbor_layers.values()
        check(any(shares), "content-weight and style-weight", 0, "a layer that weighs above 0")

    def at_effort(self) -> "StyleConfig":
        """The same with what its effort asks for, where that is not given."""
        usual = StyleConfig()
        changes = {
            name: value
            for name, value in EFFORTS[self.effort].options.items()
            if getattr(self, name) == getattr(usual, name)
        }
        return replace(self, **changes)

    @property
    def effective_content_weight(self) -> float:
        """The content weight at this strength: twenty times as much at 0, a fifth at 1.

        Below that content goes and style distance hardly falls (benchmarks/controls.py).
        """
        return self.content_weight * (20 if self.strength < 0.5 else 5) ** (1 - 2 * self.strength)

    @property
    def matched_share(self) -> float:
        """The picture's share in what neighbours are sought for, 0.4 to 1; the rest is content."""
        return 0.4 + 0.6 * self.strength

    def at_scale(self, long_side: int, first: bool, last: bool) -> "StyleConfig":
        """The same with the layers and weights of one scale, of so many pixels a long side.

        Large forms settle where they are seen whole: at the first of several scales neighbours,
        which leave empty places empty, weigh less; before the last scale forms weigh more; and a
        scale above `deep_size` does without the layers that see them.
        """
        config = self
        if first and not last:
            config = replace(config, neighbor_weight=EARLY_NEIGHBORS * config.neighbor_weight)
        if not last:
            config = replace(
                config,
                content_weight=self.content_weight * self.forms_first,
                style_layers={
                    layer: weight * (self.forms_first if block(layer) >= 4 else 1)
                    for layer, weight in self.style_layers.items()
                },
            )
        if not 0 < self.deep_size < long_side:
            return config
        content, style, neighbors = (
            {layer: weight for layer, weight in layers.items() if block(layer) <= SHALLOW}
            for layers in (config.content_layers, config.style_layers, config.neighbor_layers)
        )
        if not (content or style):
            return config
        return replace(
            config, content_layers=content, style_layers=style, neighbor_layers=neighbors
        )

    def blend_weights(self, styles: int, layer: str = "") -> tuple[float, ...]:
        """One weight for each of `styles` images at a layer, summing to 1.

        Raises ConfigError where blends or masks are made for another number of styles.
        """
        for blend in (self.blend, *self.blend_layers.values()):
            if blend and len(blend) != styles:
                raise ConfigError(
                    f"blend: expected {styles} weights for {styles} styles, got {blend}"
                )
        blend = self.blend_layers.get(layer) or self.blend or (1.0,) * styles
        for name in ("mask", "style_mask"):
            if (paths := getattr(self, name)) and len(paths) != styles:
                raise ConfigError(
                    f"{name.replace('_', '-')}: expected {styles} images for {styles} styles, "
                    f"got {len(paths)}"
                )
        return tuple(weight / sum(blend) for weight in blend)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers that are looked at."""
        focus = {FOCUS_LAYER: 1.0} if self.has_focus else {}
        return (*dict.fromkeys([*self.loss_layers, *focus]),)

    @property
    def loss_layers(self) -> tuple[str, ...]:
        """The layers that the loss looks at."""
        return (*{**self.content_layers, **self.style_layers, **self._neighbor_layers},)

    @property
    def wants_style(self) -> bool:
        """Whether a style image is needed."""
        weights = (*self.style_layers.values(), *self._neighbor_layers.values())
        return self.style_weight > 0 and any(weights)

    @property
    def _neighbor_layers(self) -> dict[str, float]:
        return self.neighbor_layers if self.neighbor_weight and self.style_weight else {}

    @property
    def has_focus(self) -> bool:
        """Whether content counts more in some places than in others."""
        return self.content_focus > 0 and self.effective_content_weight > 0
