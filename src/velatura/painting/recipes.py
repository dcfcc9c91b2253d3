"""Named configurations, each after a source, and what it teaches. Nothing here imports torch."""

from typing import Any, NamedTuple

from velatura.errors import ConfigError
from velatura.painting.config import StyleConfig
from velatura.perception.layers import channels

# Sources in PyTorch show the network (x − mean) / 0.226 for x in [0, 1]; the embedded weights want
# 255 x − mean. A network of ReLUs grows with its input, so features are 57.6 times larger here,
# squared errors 57.6² times, squared errors of Gram matrices 57.6⁴ times.
INPUT_SCALE = 255 * 0.226


class Recipe(NamedTuple):
    """A configuration with its source, its idea and what was chosen where the source is silent."""

    config: StyleConfig
    source: str
    teaches: str
    chosen: str


def _classic(**options: object) -> StyleConfig:
    """What the sources have in common: Gram matrices, full size from the start, plain pixels."""
    common = {
        "style_loss": "gram",
        "single_scale": True,
        "basis": "pixels",
        "padding": "zero",
        "palette": "photograph",
        "color_weight": 0.0,
        "neighbor_weight": 0.0,
        "deep_size": 0,
        "forms_first": 1.0,
        "content_focus": 0.0,
        "content_weight": 1.0,
    }
    return StyleConfig.from_dict(common | options)


# What two sources have from one PyTorch tutorial: conv_4 and conv_1 … conv_5 from the input on.
TUTORIAL = {
    "content_layers": {"conv2_2": 1.0},
    "style_layers": dict.fromkeys(("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"), 1.0),
    "content_loss": "mse",
    "gram_norm": "elements",
    "style_shape": "picture",
    "steps": (300,),
}

PASTICHE = _classic(
    content_layers={"relu4_2": 0.01},
    style_layers={f"relu{n}_1": 10 / channels(f"relu{n}_1") ** 2 for n in range(1, 6)},
    content_loss="mse",
)
"""The objective of pastiche 1.6.0, which tests and benchmarks compare with."""

STYLE_ONLY: dict[str, Any] = {
    "content_layers": {},
    "content_weight": 0.0,
    "neighbor_weight": 0.0,
    "deep_size": 0,
    "init": "noise",
    "palette": "photograph",
}
"""Settings for a texture: a painting's statistics and nothing else, out of noise."""

CONTENT_ONLY: dict[str, Any] = {
    "content_weight": 1.0,
    "content_focus": 0.0,
    "style_layers": {},
    "style_weight": 0.0,
    "deep_size": 0,
    "init": "noise",
    "palette": "photograph",
}
"""Settings for a reconstruction: what content layers know of a photograph, out of noise."""

RECIPES = {
    "default": Recipe(
        StyleConfig(),
        "Velatura",
        "Neural neighbours for the strokes, Wasserstein distances for forms and palette, coarse to "
        "fine, over frequencies: painted, and still to be recognised.",
        "See docs/tried.md for what was tried.",
    ),
    "second-moments": Recipe(
        StyleConfig(
            content_layers={"relu3_1": 0.3, "relu4_2": 0.7},
            neighbor_weight=0.0,
            deep_size=0,
            effort="best",
        ),
        "Velatura",
        "Statistics alone, Wasserstein distances in place of Gram matrices: the photograph's own "
        "detail stays, in the painting's colours and with its strokes over it.",
        "The default before there were neighbours.",
    ),
    "neural-neighbors": Recipe(
        StyleConfig(
            content_layers={},
            content_focus=0.0,
            style_layers={},
            forms_first=1.0,
            neighbor_layers=dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 1.0),
            deep_size=0,
            effort="best",
        ),
        "Kolkin, Kucera, Paris, Sykora, Shechtman and Shakhnarovich, Neural neighbor style "
        "transfer, 2022",
        "No statistics and no content loss: each place of the picture is made of the features "
        "that the style has where it looks most alike, turned by quarters too. Content enters "
        "through which goes where.",
        "One layer of each of the four blocks for all of them, VGG-19 for VGG-16, our L-BFGS, and "
        "the style's distribution of colours in place of a correction at the end.",
    ),
    "gatys-2016": Recipe(
        _classic(
            content_layers={"relu4_2": 1.0},
            style_layers={f"relu{n}_1": channels(f"relu{n}_1") ** -2 for n in range(1, 6)},
            content_loss="mse",
            style_weight=1e3,
            style_shape="picture",
            pooling="average",
            init="noise",
            steps=(500,),
        ),
        "Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, "
        "CVPR 2016",
        "Content conv4_2, style conv1_1 … conv5_1 weighing the same, average pooling, L-BFGS from "
        "white noise, alpha/beta 1e-3: content and style of an image can be taken apart.",
        "Layers are read after their ReLU, as the paper's derivative (eq. 2) has it. As in the "
        "authors' code, means stand where the paper writes sums, a layer's style weighs one by its "
        "channels squared, and there are 500 steps.",
    ),
    "single-layer": Recipe(
        _classic(
            size=256,
            content_layers={"conv2_2": 1.0},
            style_layers={"conv2_2": 1.0},
            content_loss="mse",
            content_weight=1e10,
            gram_norm="none",
            init="noise",
            steps=(300,),
        ),
        "A. Durán Tovar, What did I learn by implementing neural style transfer?, 2019",
        "K · content + style at one and the same layer, from white noise, with the plain F Fᵀ: the "
        "whole idea in its smallest form.",
        "The fourth convolution, as in the text's example; K, size, steps and L-BFGS are ours. "
        "K is large because an unnormalised Gram matrix is.",
    ),
    "weighted-layers": Recipe(
        _classic(
            size=400,
            content_layers={"conv4_2": 1.0},
            style_layers={
                "conv1_1": 1.0,
                "conv2_1": 0.8,
                "conv3_1": 0.5,
                "conv4_1": 0.3,
                "conv5_1": 0.1,
            },
            content_loss="mse",
            style_weight=1e6 / INPUT_SCALE**2,
            gram_norm="root-elements",
            style_shape="picture",
            optimizer="adam",
            learning_rate=0.003 * 0.226 / 0.02,
            steps=(2000,),
        ),
        "Neural Style Transfer with Deep VGG model (a VGG-19 notebook)",
        "Content conv4_2; style conv1_1 1.0, conv2_1 0.8, conv3_1 0.5, conv4_1 0.3, conv5_1 0.1; "
        "alpha 1, beta 1e6, each style loss divided by its layer's size; 2000 steps of Adam from "
        "the photograph, both images brought to one size: what each layer's weight does.",
        "A long side of 400 and Adam's rate of 0.003 are the notebook's of that name; beta is "
        "divided by 57.6², as the embedded weights see larger numbers.",
    ),
    "anatomical": Recipe(
        _classic(
            **TUTORIAL,
            size=128,
            style_weight=1e5 / INPUT_SCALE**2,
        ),
        "S. Y. Moon, Neural Style Transfer (paper implementation project)",
        "Content conv_4, style conv_1 … conv_5, counted from the input; weights 1 and 100000, 128 "
        "pixels, 300 steps: a network written out so that one sees where each loss sits.",
        "From the photograph; --init noise is the other start. The style weight is divided by "
        "57.6², as the embedded weights see larger numbers.",
    ),
    "smooth": Recipe(
        _classic(
            **TUTORIAL,
            style_weight=1e6 / INPUT_SCALE**2,
            pooling="average",
            init="white",
        ),
        "Chingis, A Neural Algorithm of Artistic Style: Summary and Implementation, 2021",
        "Average pooling makes smoother pictures than max pooling; L-BFGS, alpha/beta 1e-6, from a "
        "blank white picture, which --film shows filling up.",
        "Layers as in the PyTorch tutorial that it follows (conv_4, conv_1 … conv_5); --init "
        "content is the other start. The style weight is divided by 57.6².",
    ),
    "content-tenth": Recipe(
        _classic(
            size=400,
            content_layers={"relu4_2": 0.1},
            style_layers={
                "relu1_2": 0.05,
                "relu2_2": 0.2,
                "relu3_2": 0.2,
                "relu4_2": 0.25,
                "relu5_2": 0.3,
            },
            content_loss="mse",
            gram_norm="elements",
            pooling="average",
            init="noise",
            steps=(200,),
        ),
        "AashJ, Neural-Style-Transfer (after fast.ai's lesson 8)",
        "The content loss divided by ten, from a random picture with L-BFGS: how the divisor "
        "trades content for style. --init blurred-noise gives the random picture a Gaussian "
        "first.",
        "Layers, their weights and average pooling as in the lesson that it follows; VGG-19 in "
        "place of VGG-16, 10 × 20 steps.",
    ),
}


def recipe(name: str) -> Recipe:
    """A recipe by its name. Raises ConfigError for a name that is none."""
    if name not in RECIPES:
        raise ConfigError(f"recipe: expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]
