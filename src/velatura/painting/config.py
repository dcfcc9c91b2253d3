"""The one source of every option: name, type, default, unit, one line of help.

The command line, the settings stored in a picture and the recipes are read off `StyleConfig`.
Nothing here imports torch.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from velatura.errors import ConfigError
from velatura.perception.layers import check_layer

LARGEST = 1e15  # of any weight; float32 squares it without overflow
STARTS = ("content", "noise", "blurred-noise", "white", "gray", "blur", "style")


def _option(default: Any, help: str, *, factory: bool = False) -> Any:
    if factory:
        return field(default_factory=lambda: dict(default), metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class StyleConfig:
    """How a picture is painted. Raises ConfigError where a value is out of its range."""

    size: int = _option(512, "long side of the picture in pixels; a smaller photograph stays small")
    steps: tuple[int, ...] = _option(
        (), "optimisation steps: one total, or one number a scale from coarse to fine"
    )
    init: str = _option("content", f"what to start from: {', '.join(STARTS)}, or an image file")
    content_layers: dict[str, float] = _option(
        {"relu3_1": 0.3, "relu4_2": 0.7},
        "layers whose features hold the content, with weights",
        factory=True,
    )
    style_layers: dict[str, float] = _option(
        {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0},
        "layers whose statistics hold the style, with weights",
        factory=True,
    )
    content_weight: float = _option(0.6, "weight of the content (alpha): higher is more photograph")
    style_weight: float = _option(1.0, "weight of the style (beta): higher is more painting")
    tv_weight: float = _option(0.0, "weight of total variation: higher is smoother")
    content_loss: Literal["relative", "mse", "sum"] = _option(
        "relative",
        "squared error of features: relative to the photograph's, its mean, or half its sum",
    )
    style_loss: Literal["wasserstein", "gram"] = _option(
        "wasserstein", "distance of the layers' second moments: Wasserstein-2, or Gram matrices"
    )
    gram_norm: Literal["positions", "elements", "root-elements", "none"] = _option(
        "positions", "what Gram matrices are divided by"
    )
    blend: tuple[float, ...] = _option((), "weights of several styles; equal if not given")
    blend_layers: dict[str, tuple[float, ...]] = _option(
        {}, "other weights at some layers, as relu1_1=1:0,relu4_1=0:1", factory=True
    )
    mask: tuple[str, ...] = _option(
        (), "where each style goes: one image for each, white for there, grey for partly"
    )
    style_mask: tuple[str, ...] = _option(
        (), "what of each style is looked at: one image for each, white for that"
    )
    palette: Literal["painting", "photograph"] = _option(
        "painting", "whose colours to begin with; the painting's mean and spread, or none changed"
    )
    colors: Literal["style", "content-luminance", "content-match"] = _option(
        "style",
        "the style's, or the photograph's: only lightness is painted, or the style is recoloured",
    )
    strength: float = _option(0.5, "one dial from photograph (0) to painting (1)")
    stroke_size: float = _option(1.0, "how large the strokes are: 2 is twice as large, 0.5 half")
    style_shape: Literal["kept", "picture"] = _option(
        "kept", "shape of the style image: its own, or squashed to the picture's"
    )
    pooling: Literal["max", "average"] = _option("max", "how the network's pools pool")
    padding: Literal["zero", "replicate"] = _option(
        "replicate", "what the network sees beyond the picture's border"
    )
    optimizer: Literal["lbfgs", "adam"] = _option("lbfgs", "how to descend")
    learning_rate: float = _option(1.0, "length of a step: times L-BFGS's own, or Adam's × 0.02")
    basis: Literal["fourier", "pixels"] = _option(
        "fourier", "what L-BFGS works on: frequencies, coarse ones first, or pixels"
    )
    single_scale: bool = _option(False, "paint at full size from the start")
    seed: int = _option(0, "of the noise that a noise start begins with")
    device: str = _option("auto", "auto, cpu, cuda, cuda:1 … or mps")
    precision: Literal["auto", "fp32", "bf16"] = _option(
        "auto", "of the network's convolutions; auto is bf16 where the processor has it"
    )
    memory: str = _option(
        "auto", "limit such as 6GB, beyond which the picture is seen in tiles; auto is what is free"
    )
    weights: str = _option("embedded", "embedded, torchvision, or a .pth or .safetensors file")
    max_seconds: float | None = _option(None, "stop after this many seconds with what is painted")

    def __post_init__(self) -> None:
        from_name = get_type_hints(type(self))
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            if isinstance(value, list):
                value = tuple(value)
            elif isinstance(value, dict):  # the caller's may change; JSON knows no tuples
                value = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
            object.__setattr__(self, option.name, value)
            _check_type(option.name, value, from_name[option.name])
        _check(self.size >= 16, "size", self.size, "at least 16 pixels")
        _check(all(s >= 1 for s in self.steps), "steps", self.steps, "at least one step")
        if self.single_scale:
            _check(len(self.steps) < 2, "single-scale", self.steps, "one number of steps")
        _check(
            self.memory == "auto" or bool(re.fullmatch(r"\d+(\.\d+)?[MG]B", self.memory, re.I)),
            "memory",
            self.memory,
            "auto, or a size such as 6GB or 800MB",
        )
        for name in ("content_weight", "style_weight", "tv_weight"):
            _check(getattr(self, name) >= 0, name, getattr(self, name), "a number of at least 0")
        _check(0 <= self.strength <= 1, "strength", self.strength, "a number from 0 to 1")
        for name in ("stroke_size", "learning_rate"):
            _check(getattr(self, name) > 0, name, getattr(self, name), "a number above 0")
        if self.max_seconds is not None:
            _check(self.max_seconds > 0, "max_seconds", self.max_seconds, "a number above 0")
        for name in ("content_layers", "style_layers"):
            for layer, weight in getattr(self, name).items():
                check_layer(layer)
                _check(weight >= 0, f"{name} {layer}", weight, "a weight of at least 0")
        for layer in self.blend_layers:
            check_layer(layer)
        for name, weights in (("blend", self.blend), *self.blend_layers.items()):
            _check(
                all(w >= 0 for w in weights) and (not weights or sum(weights) > 0),
                name,
                weights,
                "weights of at least 0, not all of them 0",
            )
        shares = [self.effective_content_weight * weight for weight in self.content_layers.values()]
        shares += [self.style_weight * weight for weight in self.style_layers.values()]
        _check(any(shares), "content-weight and style-weight", 0, "a layer that weighs above 0")
        _check(0 <= self.seed < 2**63, "seed", self.seed, "a number from 0 to 2^63 − 1")

    def as_dict(self) -> dict[str, Any]:
        """All options as plain values, fit for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "StyleConfig":
        """The inverse of `as_dict`. Raises ConfigError for unknown names and wrong values."""
        names = {option.name for option in dataclasses.fields(cls)}
        if unknown := set(values) - names:
            raise ConfigError(f"unknown option {sorted(unknown)[0]!r}")
        return cls(**dict(values))

    @property
    def effective_content_weight(self) -> float:
        """The content weight at this strength: twenty times as much at 0, a twentieth at 1."""
        return self.content_weight * 20 ** (1 - 2 * self.strength)

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


def parsers() -> dict[str, Callable[[str], Any]]:
    """For each option, the function that reads its value from text, as from a command line."""
    hints = get_type_hints(StyleConfig)
    return {option.name: _parser(hints[option.name]) for option in dataclasses.fields(StyleConfig)}


def as_text(value: object) -> str:
    """An option's value as its parser takes it."""
    if isinstance(value, dict):
        return ",".join(f"{name}={as_text(item).replace(',', ':')}" for name, item in value.items())
    if isinstance(value, (tuple, list)):
        return ",".join(map(as_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def choices(name: str) -> tuple[str, ...] | None:
    """The values an option is limited to, or None."""
    hint = get_type_hints(StyleConfig)[name]
    return get_args(hint) if get_origin(hint) is Literal else None


def _parser(hint: Any) -> Callable[[str], Any]:
    if hint == tuple[int, ...]:
        return lambda text: tuple(int(part) for part in text.split(","))
    if hint == tuple[float, ...]:
        return lambda text: tuple(float(part) for part in text.split(","))
    if hint == tuple[str, ...]:
        return lambda text: tuple(text.split(","))
    if hint == dict[str, float]:
        return _parse_layers
    if hint == dict[str, tuple[float, ...]]:
        return _parse_blends
    if hint == float | None:
        return float
    return str if get_origin(hint) is Literal else hint


def _parse_layers(text: str) -> dict[str, float]:
    """`relu1_1=1,relu2_1=0.8`; a name alone weighs 1; nothing at all is no layer."""
    layers = {}
    for part in filter(None, text.split(",")):
        name, _, weight = part.partition("=")
        layers[name.strip()] = float(weight) if weight else 1.0
    return layers


def _parse_blends(text: str) -> dict[str, tuple[float, ...]]:
    """`relu1_1=1:0,relu4_1=0:1`: a weight for each style at each layer named."""
    pairs = (part.partition("=") for part in filter(None, text.split(",")))
    return {
        name.strip(): tuple(float(weight) for weight in weights.split(":"))
        for name, _, weights in pairs
    }


def _check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        _check(value in get_args(hint), name, value, " or ".join(get_args(hint)))
    elif hint is int:
        _check(
            isinstance(value, int) and not isinstance(value, bool), name, value, "a whole number"
        )
    elif hint is bool or hint is str:
        _check(isinstance(value, hint), name, value, hint.__name__)
    elif hint is float or hint == float | None:
        if value is not None or hint is float:
            _check_number(name, value)
    elif hint in (tuple[int, ...], tuple[float, ...], tuple[str, ...]):
        _check(isinstance(value, tuple), name, value, "a tuple")
        for item in value:
            _check_type(name, item, get_args(hint)[0])
    else:
        _check(isinstance(value, dict), name, value, "a dictionary of layers and weights")
        for layer, weight in value.items():
            _check_type(f"{name} {layer}", weight, get_args(hint)[1])


def _check_number(name: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    _check(number and abs(value) <= LARGEST, name, value, f"a number of at most {LARGEST:g}")


def _check(condition: bool, name: str, value: Any, expected: str) -> None:
    if not condition:
        raise ConfigError(f"{name.replace('_', '-')}: expected {expected}, got {value!r}")
