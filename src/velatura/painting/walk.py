"""The network walked over an image of any size: features forward, their gradient backward.

Stage by stage (`stages`), and within a stage tile by tile (`tiles`). A stage in tiles costs one
more forward pass and their overlaps; what it gives is the same. Of several workers each sees its
own tiles, and all of them walk over the same images.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from velatura.painting.stages import Stage, plan
from velatura.painting.tiles import Tile
from velatura.painting.workers import Workers
from velatura.perception.layers import channels, geometry
from velatura.perception.vgg import VGG19

Features: TypeAlias = dict[str, Tensor]


class Part(NamedTuple):
    """The positions of a layer that a tile owns."""

    layer: str
    tile: Tile
    stride: int  # positions of what the tile cuts, a side, that make one of the layer

    def of(self, whole: Tensor) -> Tensor:
        """These positions of something that has one value for each position of the layer."""
        return whole[self.tile.positions(self.stride)]

    def place(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """Their rows and columns, of so many that the layer has."""
        _, rows, columns = self.tile.positions(self.stride)
        height, width = size
        return (
            slice(rows.start, height if rows.stop is None else rows.stop),
            slice(columns.start, width if columns.stop is None else columns.stop),
        )


OnFeatures: TypeAlias = Callable[[Part, Tensor], None]
"""Is shown features (1, C, h, w) of a part of a layer."""

FeatureGradient: TypeAlias = Callable[[Part, Tensor], Tensor]
"""The gradient of the loss at the features (1, C, h, w) of a part of a layer."""


class Activations(NamedTuple):
    """What is kept of an image for the gradient."""

    inputs: list[Tensor]  # of each stage
    ready: dict[str | None, tuple[Tensor, Features]]  # by a stage's start: window and features


class Walk:
    """The walk over images of one size, to the deepest of some layers.

    Args:
        network: sees at least `layers`.
        size: height and width of the images in pixels.
        layers: those whose features are asked for; without any there is nothing to walk.
        tile_pixels: the most pixels that the first stage may see at once, the later ones more;
            None for no limit.
        workers: the processes that share the tiles.
    """

    def __init__(
        self,
        network: VGG19,
        size: tuple[int, int],
        layers: Collection[str],
        tile_pixels: int | None,
        workers: Workers,
    ) -> None:
        self.network, self.size, self.workers = network, size, workers
        self.stages = plan(size, layers, tile_pixels, workers.count) if layers else []

    @property
    def tiles(self) -> int:
        """In how many tiles the first stage is seen, by all workers together."""
        return len(self.stages[0].tiles) if self.stages else 1

    def forward(
        self,
        image: Tensor,
        on_features: OnFeatures,
        layers: Collection[str] | None = None,
        for_gradient: bool = False,
    ) -> Activations:
        """Show `on_features` the features of `image`, of all layers or of some, part by part.

        For the gradient, a stage that is one tile of this worker's is kept ready; of several tiles
        only what enters the stage is kept, and they are seen once more.
        """
        activations = Activations([], {})
        for stage in self._stages(layers):
            activations.inputs.append(image)
            whole = len(stage.tiles) == 1 == self.workers.count
            onward = None if whole or not stage.end else self._empty_pool(stage, image)
            for tile in self._own(stage.tiles):
                if for_gradient and len(stage.tiles) <= self.workers.count:
                    activations.ready[stage.start] = self._watch(image, stage, tile)
                    features = activations.ready[stage.start][1]
                else:
                    features = self._see(image[tile.window], stage)
                for name in stage.layers:
                    stride = stage.stride(name)
                    on_features(
                        Part(name, tile, stride), features[name].detach()[tile.owned(stride)]
                    )
                if stage.end and onward is None:
                    onward = features[stage.end].detach()
                elif stage.end and onward is not None:
                    stride = stage.stride(stage.end)
                    onward[tile.positions(stride)] = features[stage.end][tile.owned(stride)]
            if onward is not None:
                if not whole:
                    self.workers.all_reduce(onward)
                image = onward
        return activations

    def backward(self, activations: Activations, gradient_at: FeatureGradient) -> Tensor:
        """The gradient at the image, from the last stage back to the first."""
        gradient = torch.empty(0)  # at what the stage ends with
        for stage in reversed(self.stages):
            entered = activations.inputs.pop()
            before = torch.zeros_like(entered)
            for tile in self._own(stage.tiles):
                if stage.start in activations.ready:
                    window, features = activations.ready.pop(stage.start)
                else:
                    window, features = self._watch(entered, stage, tile)
                gradients = {
                    name: self._gradient_in(stage, tile, name, features, gradient_at)
                    for name in stage.layers
                }
                if stage.end:
                    stride = stage.stride(stage.end)
                    gradients.setdefault(stage.end, torch.zeros_like(features[stage.end]))
                    gradients[stage.end][tile.owned(stride)] += gradient[tile.positions(stride)]
                (share,) = torch.autograd.grad(
                    [features[name] for name in gradients], window, [*gradients.values()]
                )
                before[tile.window] += share
            self.workers.all_reduce(before)
            gradient = before
        return gradient

    def _gradient_in(
        self, stage: Stage, tile: Tile, name: str, features: Features, gradient_at: FeatureGradient
    ) -> Tensor:
        """The gradient at a layer's features in a tile, zero at positions it does not own."""
        stride = stage.stride(name)
        owned = features[name].detach()[tile.owned(stride)]
        found = gradient_at(Part(name, tile, stride), owned).to(owned.dtype)
        if found.shape == features[name].shape:
            return found
        everywhere = torch.zeros_like(features[name])
        everywhere[tile.owned(stride)] = found
        return everywhere

    def _stages(self, layers: Collection[str] | None) -> list[Stage]:
        """The stages up to the last one that has any of `layers`, and those layers alone."""
        if layers is None:
            return self.stages
        stages = [
            stage._replace(layers=tuple(name for name in stage.layers if name in layers))
            for stage in self.stages
        ]
        while stages and not stages[-1].layers:
            stages.pop()
        return stages

    def _own(self, tiles: list[Tile]) -> list[Tile]:
        """Those tiles that this process sees."""
        return tiles[self.workers.rank :: self.workers.count]

    def _watch(self, entered: Tensor, stage: Stage, tile: Tile) -> tuple[Tensor, Features]:
        """A tile's window and all features in it, ready for the gradient."""
        window = entered[tile.window].detach().clone().requires_grad_()
        with torch.enable_grad():
            return window, self._see(window, stage)

    def _see(self, window: Tensor, stage: Stage) -> Features:
        """All features in a window that are asked for, and those that the stage ends with."""
        wanted = [*stage.layers, stage.end] if stage.end else [*stage.layers]
        return self.network(window, wanted, stage.start)

    def _empty_pool(self, stage: Stage, entered: Tensor) -> Tensor:
        """Zeros in the shape of what `stage` ends with."""
        end = stage.end or ""
        height, width = (side // stage.stride(end) for side in entered.shape[-2:])
        return torch.zeros(
            (1, channels(end), height, width),
            dtype=self.network.dtype,
            device=entered.device,
        ).to(memory_format=torch.channels_last)


def positions(layer: str, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of positions that `layer` has of an image of `size` (height, width)."""
    stride = geometry(layer).stride
    return size[0] // stride, size[1] // stride
