"""Train networks to paint in the styles of paintings, one network each.

Several are trained together with their convolutions in common, normalisations and palette their
own (Dumoulin et al. 2017): what a painting's turn teaches about photographs and strokes, all learn.
"""

import copy
import functools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from velatura.fast.layers import GRAIN, LAYERS
from velatura.fast.network import StyleNetwork
from velatura.fast.options import TrainingOptions
from velatura.images.io import ImageLike, Picture, read
from velatura.images.resize import resize
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.vgg import VGG19
from velatura.training.loop import JUDGE_EVERY, Progress, TrainingStep, train
from velatura.training.perceptual import PerceptualLoss
from velatura.training.photographs import CACHE_BYTES, Photographs, to_train_and_judge

MARGIN = 8  # pixels, the most that the second view of a crop is shifted
NOISE = 0.03  # standard deviation, the most of its noise
SIZES = (0.8, 1.6)  # of photographs on training, in terms of the size trained for
CONTENT_WEIGHTS = (0.05, 6.0)  # between which the content weight is sought
CONTENT_WEIGHT = 0.6  # to begin with, and to judge by
SEEKING = 0.02  # how fast
JUDGED = 8  # held-out crops


class Task:
    """What a step teaches of one painting: photographs in, gradients at the network's parameters.

    The content weight is sought, not given: `options.strength` of the content is to be given up,
    whatever the painting, so that paintings come out equally strong.
    """

    def __init__(
        self,
        number: int,
        network: StyleNetwork,
        perceive: PerceptualLoss,
        paths: Sequence[Path],
        options: TrainingOptions,
        cache_bytes: int = CACHE_BYTES,
        on_error: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.network, self.perceive, self.options = network, perceive, options
        self.weighs = weight_name(number)
        self.sought = {self.weighs: CONTENT_WEIGHT}
        sizes = (round(SIZES[0] * options.size), round(SIZES[1] * options.size))

        def crops_of(photographs: Sequence[Path]) -> Photographs:
            side, prepare = options.crop + MARGIN, self._recoloured
            return Photographs(
                photographs, side, sizes, options.seed, prepare, on_error, cache_bytes
            )

        self.photographs, judged = to_train_and_judge(crops_of, paths, JUDGED)
        self.judged = judged.to(network.palette_mean)

    def __call__(self, number: int) -> dict[str, float]:
        """Add the gradients of step `number`; return its terms."""
        crops = self.photographs.batch(number, self.options.batch).to(self.judged)
        side = self.options.crop
        first = crops[..., :side, :side]
        generator = torch.Generator().manual_seed(self.options.seed * 1_000_003 + number)
        grain = self._grain(generator)
        painted = self.network(first, grain)
        terms, gradient = self.perceive(painted, first, self.sought[self.weighs])
        outputs, gradients = [painted], [gradient]
        if self.options.steadiness:
            difference = self.options.steadiness * self._difference(
                crops, painted, grain, generator
            )
            terms["steadiness"] = difference.detach()
            outputs.append(difference)
            gradients.append(torch.ones_like(difference))
        torch.autograd.backward(outputs, gradients)
        self._seek(terms)
        return {name: float(term) for name, term in terms.items()}

    @torch.no_grad()
    def judge(self, network: nn.Module) -> float:
        """Loss of `network` on held-out crops, at one content weight for all."""
        terms, _ = self.perceive(network(self.judged), self.judged, CONTENT_WEIGHT)
        return sum(float(term) for term in terms.values())

    def _grain(self, generator: torch.Generator) -> Tensor:
        """The network's noise, shifted somewhere else so that no crop knows what it will be."""
        down, right = torch.randint(0, GRAIN, (2,), generator=generator).tolist()
        return self.network.grain.roll((down, right), (2, 3))

    def _difference(
        self, crops: Tensor, painted: Tensor, grain: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Mean squared difference to what a noisy view of the crops, a little aside, gives."""
        down, right = torch.randint(0, MARGIN + 1, (2,), generator=generator).tolist()
        side = self.options.crop
        second = crops[..., down : down + side, right : right + side]
        level = NOISE * torch.rand(1, generator=generator).item()
        second = second + level * torch.randn(second.shape, generator=generator).to(second)
        other = self.network(second, grain)[..., : side - down, : side - right]
        return (painted[..., down:, right:] - other).square().mean()

    def _seek(self, terms: dict[str, Tensor]) -> None:
        """More content given up than was asked for makes it weigh more, and the other way round."""
        weight = self.sought[self.weighs]
        error = sum(float(term) for name, term in terms.items() if name.startswith("content"))
        given_up = error / weight / sum(self.options.content_layers.values())
        excess = math.log(max(given_up, 1e-9) / self.options.strength)
        weight *= math.exp(SEEKING * max(-1.0, min(1.0, excess)))
        self.sought[self.weighs] = min(max(weight, CONTENT_WEIGHTS[0]), CONTENT_WEIGHTS[1])

    def _recoloured(self, photograph: Tensor) -> Tensor:
        return self.network.recolour(photograph.to(self.network.palette_mean)).cpu()


def weight_name(number: int) -> str:
    """What the content weight of painting `number`, from 1, is called among what is sought."""
    return f"content weight {number}"


class InTurn:
    """Lessons of several paintings, a step of each in turn; of networks in the same order."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self.sought: dict[str, float] = {}
        for task in tasks:
            self.sought |= task.sought
            task.sought = self.sought

    def __call__(self, number: int) -> dict[str, float]:
        """Add the gradients of step `number`; return its terms."""
        return self.tasks[number % len(self.tasks)](number)

    def judge(self, networks: nn.Module) -> float:
        """The mean of what the lessons judge."""
        pairs = zip(self.tasks, cast("nn.ModuleList", networks), strict=True)
        return statistics.fmean(task.judge(network) for task, network in pairs)


@torch.inference_mode(False)  # whatever the caller is in: gradients are needed
def train_styles(
    paintings: Sequence[ImageLike],
    paths: Sequence[Path],
    options: TrainingOptions,
    start: StyleNetwork | None = None,
    state: Progress | None = None,
    on_error: Callable[[str], None] = lambda message: None,
) -> Iterator[TrainingStep]:
    """Train a network for each of the paintings, without what is transparent of them.

    Yields each step; its `network` is a ModuleList, in the order of the paintings, each of which
    has its turn `options.steps` times on the photographs at `paths`. All begin as copies of `start`
    if it is given: another style's network is halfway there. From a `state` of the same training it
    goes on as if it had never stopped. `on_error` is told of photographs that cannot be read.

    Raises:
        ImageError: no photograph can be read.
        DivergenceError: the loss is no finite number any more.
    """
    device = pick_device(options.device)
    networks = _sharing((start or StyleNetwork(options.seed)).to(device), len(paintings))
    course = InTurn(tasks(paintings, networks, paths, options, on_error))
    steps, often = (count * len(paintings) for count in (options.steps, JUDGE_EVERY))
    together, rate = nn.ModuleList(networks), options.learning_rate
    yield from train(together, course, steps, rate, state=state, judge_every=often)


def tasks(
    paintings: Sequence[ImageLike],
    networks: Sequence[StyleNetwork],
    paths: Sequence[Path],
    options: TrainingOptions,
    on_error: Callable[[str], None] = lambda message: None,
) -> list[Task]:
    """A lesson for each painting's network, which is given the painting's palette.

    Raises ImageError if no photograph can be read.
    """
    device = networks[0].palette_mean.device
    seeing = VGG19(
        weights.load(options.weights),
        [*options.content_layers, *options.style_layers],
        padding="replicate",
        device=device,
        dtype=pick_dtype(options.precision, device),
    )
    on_error = functools.cache(on_error)  # once a photograph, not once a painting
    cache_bytes = CACHE_BYTES // len(paintings)
    made = []
    for number, (painting, network) in enumerate(zip(paintings, networks, strict=True), start=1):
        picture = read(painting)
        network.set_palette(picture.pixels.to(device), picture.alpha)
        perceive = _perception(seeing, picture, options, device)
        made.append(Task(number, network, perceive, paths, options, cache_bytes, on_error))
    return made


def _sharing(start: StyleNetwork, count: int) -> list[StyleNetwork]:
    """`count` copies of `start` that have their convolutions in common."""
    networks = [copy.deepcopy(start) for _ in range(count)]
    for network in networks[1:]:
        for layer in LAYERS:
            kernel = f"{layer.name}_kernel"
            network.register_parameter(kernel, networks[0].get_parameter(kernel))
    return networks


def _perception(
    network: VGG19, painting: Picture, options: TrainingOptions, device: torch.device
) -> PerceptualLoss:
    perceive = PerceptualLoss(
        network, options.content_layers, options.style_layers, options.style_loss
    )
    height, width = painting.size
    # As many pixels as a picture of the usual shape, 4 to 3, has at the size trained for.
    factor = min(1, options.size * options.stroke_size * math.sqrt(0.75 / (height * width)))
    size = (round(height * factor), round(width * factor))
    weights = None if painting.alpha is None else resize(painting.alpha, size).to(device)
    perceive.set_style(resize(painting.pixels.to(device), size), weights)
    return perceive
