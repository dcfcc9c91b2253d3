"""Train a network to paint in the style of a painting."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from velatura.fast.network import StyleNetwork
from velatura.fast.options import TrainingOptions
from velatura.images.resize import resize
from velatura.perception import weights
from velatura.perception.devices import pick_device, pick_dtype
from velatura.perception.vgg import VGG19
from velatura.training.loop import Progress, TrainingStep, train
from velatura.training.perceptual import PerceptualLoss
from velatura.training.photographs import Photographs, split

MARGIN = 8  # pixels, the most that the second view of a crop is shifted
NOISE = 0.03  # standard deviation, the most of its noise
SIZES = (0.8, 1.6)  # of photographs on training, in terms of the size trained for
CONTENT_WEIGHTS = (0.05, 6.0)  # between which the content weight is sought
CONTENT_WEIGHT = 0.6  # to begin with, and to judge by: that of a painting by optimisation
SEEKING = 0.02  # how fast
JUDGED = 8  # held-out crops


class Lesson:
    """What a step of the training teaches: photographs in, gradients at the network's parameters.

    The content weight is sought, not given: `options.strength` of the content is to be given up,
    whatever the painting, so that paintings come out equally strong.
    """

    def __init__(
        self,
        network: StyleNetwork,
        painting: Tensor,
        paths: Sequence[Path],
        options: TrainingOptions,
        complain: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.network, self.options = network, options
        self.perceive = _perception(painting, options)
        sizes = (round(SIZES[0] * options.size), round(SIZES[1] * options.size))

        def crops_of(photographs: Sequence[Path]) -> Photographs:
            side, prepare = options.crop + MARGIN, self._recoloured
            return Photographs(photographs, side, sizes, options.seed, prepare, complain)

        trained, held_out = map(crops_of, split(paths))
        self.photographs = trained
        self.judged = held_out.batch(0, JUDGED).to(painting)
        self.sought = {"content_weight": CONTENT_WEIGHT}

    def __call__(self, number: int) -> dict[str, float]:
        """Add the gradients of step `number`; return its terms."""
        crops = self.photographs.batch(number, self.options.batch).to(self.judged)
        side = self.options.crop
        first = crops[..., :side, :side]
        painted = self.network(first)
        terms, gradient = self.perceive(painted, first, self.sought["content_weight"])
        outputs, gradients = [painted], [gradient]
        if self.options.steadiness:
            difference = self.options.steadiness * self._difference(crops, painted, number)
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

    def _difference(self, crops: Tensor, painted: Tensor, number: int) -> Tensor:
        """Mean squared difference to what a noisy view of the crops, a little aside, gives."""
        generator = torch.Generator().manual_seed(self.options.seed * 1_000_003 + number)
        down, right = torch.randint(0, MARGIN + 1, (2,), generator=generator).tolist()
        side = self.options.crop
        second = crops[..., down : down + side, right : right + side]
        level = NOISE * torch.rand(1, generator=generator).item()
        second = second + level * torch.randn(second.shape, generator=generator).to(second)
        other = self.network(second)[..., : side - down, : side - right]
        return (painted[..., down:, right:] - other).square().mean()

    def _seek(self, terms: dict[str, Tensor]) -> None:
        """More content given up than was asked for makes it weigh more, and the other way round."""
        weight = self.sought["content_weight"]
        error = sum(float(term) for name, term in terms.items() if name.startswith("content"))
        given_up = error / weight / sum(self.options.content_layers.values())
        excess = math.log(max(given_up, 1e-9) / self.options.strength)
        weight *= math.exp(SEEKING * max(-1.0, min(1.0, excess)))
        self.sought["content_weight"] = min(max(weight, CONTENT_WEIGHTS[0]), CONTENT_WEIGHTS[1])

    def _recoloured(self, photograph: Tensor) -> Tensor:
        return self.network.recolour(photograph.to(self.network.palette_mean)).cpu()


def train_style(
    painting: Tensor,
    paths: Sequence[Path],
    options: TrainingOptions,
    network: StyleNetwork | None = None,
    state: Progress | None = None,
    complain: Callable[[str], None] = lambda message: None,
) -> Iterator[TrainingStep]:
    """Train a network on the photographs at `paths`, yielding each step.

    From `network` it begins if one is given: another style's is halfway there. From a `state` of
    the same training it goes on as if it had never stopped. `complain` is told of photographs that
    cannot be read.

    Raises:
        ImageError: no photograph can be read.
        DivergenceError: the loss is no finite number any more.
    """
    device = pick_device(options.device)
    painting = painting.to(device)
    if network is None:
        torch.manual_seed(options.seed)
        network = StyleNetwork()
    network = network.to(device)
    network.set_palette(painting)
    lesson = Lesson(network, painting, paths, options, complain)
    yield from train(network, lesson, options.steps, options.learning_rate, state=state)


def _perception(painting: Tensor, options: TrainingOptions) -> PerceptualLoss:
    device = painting.device
    network = VGG19(
        weights.load(options.weights),
        [*options.content_layers, *options.style_layers],
        padding="replicate",
        device=device,
        dtype=pick_dtype(options.precision, device),
    )
    perceive = PerceptualLoss(
        network, options.content_layers, options.style_layers, options.style_loss
    )
    height, width = painting.shape[-2:]
    # As many pixels as a picture of the usual shape, 4 to 3, has at the size trained for.
    factor = min(1, options.size * options.stroke_size * math.sqrt(0.75 / (height * width)))
    perceive.set_style(resize(painting, (round(height * factor), round(width * factor))))
    return perceive
