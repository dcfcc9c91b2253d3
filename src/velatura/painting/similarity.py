"""Content as likeness: places of the picture stay as alike as they are in the photograph."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from velatura.painting.tiles import Tile
from velatura.painting.workers import Workers
from velatura.perception import losses

FAINT = 0.1  # of the mean square, added to each position's: what is faint counts no more than that

FLATTEST = 1e-6  # in place of the square where the photograph is the same everywhere


class Similarity:
    """One layer's self-similarity beside the photograph's, seen tile by tile.

    What stays are the cosines between positions (Kolkin et al. 2019, eq. 6), as far as sums over
    positions tell them: a position is weighed by its size in the photograph, not by its own.

    `begin`, show it what every tile owns with `see`, take the `loss`, then every tile's `share`.

    Args:
        photograph: the features (1, C, h, w) that each tile of this worker owns.
        empty: zeros (C,) of the type that sums are to have.
        workers: the processes that share the tiles.
    """

    def __init__(self, photograph: Mapping[Tile, Tensor], empty: Tensor, workers: Workers) -> None:
        self.workers, self.empty = workers, empty
        features = {tile: owned.to(empty.dtype) for tile, owned in photograph.items()}
        count = self._sum(owned[0, 0].numel() for owned in features.values())
        mean = self._sum((owned.sum((0, 2, 3)) for owned in features.values()), empty) / count
        squares = {
            tile: (owned - _across(mean)).square().sum(1, keepdim=True)
            for tile, owned in features.items()
        }
        floor = FAINT * self._sum(square.sum() for square in squares.values()) / count
        self.weights = {
            tile: 1 / (square + floor).clamp_min(FLATTEST) for tile, square in squares.items()
        }
        self.weight = self._sum(weights.sum() for weights in self.weights.values())
        weighed = ((self.weights[tile] * owned).sum((0, 2, 3)) for tile, owned in features.items())
        mean = self._sum(weighed, empty) / self.weight
        self.wanted = {
            tile: (owned - _across(mean)).to(photograph[tile].dtype)
            for tile, owned in features.items()
        }
        moments = (
            losses.moments(owned, empty.dtype, self.weights[tile])
            for tile, owned in self.wanted.items()
        )
        self.size = float(self._sum(moments, empty.new_zeros(len(empty), len(empty))).norm())
        self.begin()

    def begin(self) -> None:
        """Forget what was seen."""
        self.mean = torch.zeros_like(self.empty)
        self.own, self.cross = self.empty.new_zeros(2, len(self.empty), len(self.empty))

    def see(self, tile: Tile, owned: Tensor) -> None:
        """Take the picture's features (1, C, h, w) that `tile` owns into the sums."""
        weights = self.weights[tile]
        self.mean += (owned * weights).sum((0, 2, 3))
        self.own += losses.moments(owned, self.empty.dtype, weights)
        self.cross += losses.moments(owned, self.empty.dtype, weights, self.wanted[tile])

    def loss(self) -> Tensor:
        """How far the self-similarity is from the photograph's, once all tiles are seen."""
        self.workers.add(self.mean, self.own, self.cross)
        self.mean /= self.weight
        self.own -= self.weight * torch.outer(self.mean, self.mean)
        value, self.own, self.cross = losses.self_similarity(self.own, self.cross, self.size)
        return value

    def share(self, tile: Tile, owned: Tensor) -> Tensor:
        """The loss's gradient at the features that `tile` owns."""
        weights = self.weights[tile]
        share = losses.through_moments(owned - _across(self.mean), self.own, weights)
        wanted = self.wanted[tile].permute(0, 2, 3, 1).to(self.cross.dtype)
        return share + weights * (wanted @ self.cross.T).permute(0, 3, 1, 2)

    def _sum(self, parts: Iterable[Tensor | int], empty: Tensor | None = None) -> Tensor:
        total = self.empty.new_zeros(()) if empty is None else torch.zeros_like(empty)
        for part in parts:
            total += part
        self.workers.add(total)
        return total


def _across(vector: Tensor) -> Tensor:
    return vector.view(1, -1, 1, 1)
