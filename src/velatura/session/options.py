"""The options of `StyleConfig` as keyword arguments, for editors and type checkers."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict


class StyleOptions(TypedDict, total=False):
    """What `stylize` takes by name; `StyleConfig` says what each means. A test compares both."""

    size: int
    steps: Sequence[int]
    effort: Literal["instant", "quick", "default", "best"]
    init: str
    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    content_weight: float
    content_focus: float
    style_weight: float
    color_weight: float
    neighbor_layers: Mapping[str, float]
    neighbor_weight: float
    neighbor_turns: int
    deep_size: int
    forms_first: float
    tv_weight: float
    content_loss: Literal["relative", "mse", "sum"]
    style_loss: Literal["wasserstein", "gram"]
    gram_norm: Literal["positions", "elements", "root-elements", "none"]
    blend: Sequence[float]
    blend_layers: Mapping[str, Sequence[float]]
    mask: Sequence[str]
    style_mask: Sequence[str]
    palette: Literal["painting", "photograph"]
    colors: Literal["style", "content-luminance", "content-match"]
    strength: float
    stroke_size: float
    style_shape: Literal["kept", "picture"]
    pooling: Literal["max", "average"]
    padding: Literal["zero", "replicate"]
    optimizer: Literal["lbfgs", "adam", "learned"]
    updates: str
    learning_rate: float
    basis: Literal["fourier", "pixels"]
    single_scale: bool
    seed: int
    device: str
    precision: Literal["auto", "fp32", "bf16"]
    memory: str
    max_pixels: float | None
    weights: str
    max_seconds: float | None
