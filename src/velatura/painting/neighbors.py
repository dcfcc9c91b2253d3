"""Neural neighbours: each place of the picture takes after the place of a style that it resembles.

Second moments say how often a style's features occur together, not where; strokes then follow the
photograph's own detail. Here every position of a grid gets one position of the style image, the
one whose features are the most alike, and the features found there as its target (Kolkin, Kucera,
Paris, Sykora, Shechtman and Shakhnarovich, *Neural neighbor style transfer*, 2022, section 3).
What is painted is then made of the style's own features, and the content decides which goes where.

Departures from the paper: a layer's target is the style's own patch of that layer and not an
interpolated one; features are compared by their principal components; the error is squared and
relative, as the content's is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from velatura.errors import ImageError
from velatura.painting.terms import FeatureErrors, Region, mask_at
from velatura.painting.walk import Part, Walk, positions
from velatura.perception.layers import channels, geometry

GRID = "relu3_1"  # whose positions are matched
COMPONENTS = 32  # of each layer, by which features are compared
MOST = 1 << 16  # positions of all styles that are compared with; of more, some at random
QUARTER_TURNS = 4  # in which a style is looked at
AT_ONCE = 1 << 24  # similarities
EXHAUSTIVE = 1 << 26  # similarities up to which every key is looked at
GROUPS_SEEN, ROUNDS, SAMPLED = 12, 4, 64  # of keys; of k-means, with so many keys for each group


class Basis(NamedTuple):
    """How a layer's features (C) become comparable: principal components of the style's."""

    mean: Tensor  # (C)
    vectors: Tensor  # (C, k), divided by the layer's spread


class StyleFeatures:
    """Features of a style image at many positions of the grid, to be compared with and to be used.

    Args:
        layers: whose features are used and compared.
        walk: makes a walk over images of the size of one, to some layers.
        style: (1, 3, height, width).
        mask: what part of it counts, (1, 1, height, width), or all.
        most: of its positions that are compared with.
        turns: quarter turns in which it is looked at.
    """

    def __init__(
        self,
        layers: Sequence[str],
        walk: Callable[[Tensor, Sequence[str]], Walk],
        style: Tensor,
        mask: Tensor | None,
        most: int = MOST,
        turns: int = QUARTER_TURNS,
    ) -> None:
        turned = []
        for turn in range(turns):
            image = style.rot90(turn, (2, 3)).contiguous()
            place = None if mask is None else mask.rot90(turn, (2, 3))
            over = walk(image, layers)
            gathered = _Rows(layers, image, place, most // QUARTER_TURNS, over.network.dtype)
            over.forward(image, gathered.forward)
            over.workers.all_reduce(*gathered.of.values())
            turned.append(gathered.of)
        self.rows: dict[str, Tensor] = {}  # (P, channels × patch)
        self.sizes: dict[str, Tensor] = {}
        self.bases: dict[str, Basis] = {}
        keys = []
        for name in layers:
            self.rows[name] = rows = torch.cat([of.pop(name) for of in turned])
            wide = torch.promote_types(rows.dtype, torch.float32)
            self.sizes[name] = torch.linalg.vector_norm(rows, dim=1, dtype=wide).square()
            patches = rows.view(len(rows), channels(name), -1)
            columns = patches.mean(2, dtype=wide).float()
            self.bases[name] = basis = _basis(columns)
            keys.append((columns - basis.mean) @ basis.vectors)
        self.keys = F.normalize(torch.cat(keys, dim=1), dim=1)  # (P, components)

    def nearest(self, walk: Walk, image: Tensor) -> Tensor:
        """For each position of the grid the row that is the most alike, (rows, columns), int64.

        Cosines of centred features; each image is centred by itself, so that light and colour
        that it has everywhere do not decide.
        """
        size = positions(GRID, walk.size)
        starts, count = {}, 0  # where a layer's components begin
        for name, basis in self.bases.items():
            starts[name] = count
            count += basis.vectors.shape[1]
        queries = torch.zeros(*size, count, device=image.device)

        def forward(part: Part, features: Tensor) -> None:
            vectors = self.bases[part.layer].vectors
            found = torch.einsum("bchw,ck->bkhw", features.float(), vectors)
            if (ratio := _ratio(part.layer)) >= 1:
                found = F.avg_pool2d(found, round(ratio))
            else:
                found = F.interpolate(found, scale_factor=1 / ratio)
            place, start = _on_grid(part, size), starts[part.layer]
            own = slice(start, start + vectors.shape[1])
            queries[(*place, own)] = _filled(found, place)[0].permute(1, 2, 0)

        walk.forward(image, forward, [*self.bases])
        walk.workers.all_reduce(queries)
        flat = queries.flatten(0, 1)
        return most_alike(F.normalize(flat - flat.mean(0), dim=1), self.keys).view(size)


class NeighborTerm(FeatureErrors):
    """How far features are from those of the style positions that the picture resembles.

    Those of the first image that it is shown, until `match` is asked for others.

    Args:
        layers: with weights.
        walk: over images of the picture's size.
        styles: their features.
        regions: with their shares of the styles at each of the layers.
    """

    kind = "neighbors"

    def __init__(
        self,
        layers: Mapping[str, float],
        walk: Walk,
        styles: Sequence[StyleFeatures],
        regions: Sequence[Region],
    ) -> None:
        super().__init__(layers)
        self.walk, self.styles, self.regions = walk, styles, regions
        self.masks = [mask_at(region.place, layers) for region in regions]
        self.areas = [  # of each mask at each layer, 0 to 1
            {name: 1.0 if w is None else max(float(w.mean()), 1e-3) for name, w in mask.items()}
            for mask in self.masks
        ]
        self.nearest: list[Tensor] = []  # of each style, as `StyleFeatures.nearest` gives them
        self.targets: dict[tuple[int, Part], Tensor] = {}

    def begin(self, image: Tensor) -> None:
        """No error so far."""
        super().begin(image)
        if not self.nearest:
            self.match(image)

    def match(self, image: Tensor) -> None:
        """Find out what each place of `image` (1, 3, height, width) resembles in each style."""
        self.restore([style.nearest(self.walk, image) for style in self.styles])

    def restore(self, nearest: Sequence[Tensor]) -> None:
        """Use what an earlier `match` found, its `nearest`.

        Raises ImageError if that was of other images.
        """
        for style, places in zip_longest(self.styles, nearest):
            if (
                style is None
                or places is None
                or tuple(places.shape) != positions(GRID, self.walk.size)
                or places.dtype != torch.int64
                or not 0 <= int(places.min()) <= int(places.max()) < len(style.keys)
            ):
                raise ImageError("checkpoint: it is damaged, or of another painting (neighbours)")
        self.nearest = [*nearest]
        self.targets.clear()
        self.divisors = {}
        for name in self.layers:
            shared = max(1, 1 / _ratio(name)) ** 2
            sizes = [
                float(style.sizes[name][places].sum()) / shared
                for style, places in zip(self.styles, self.nearest, strict=True)
            ]
            self.divisors[name] = sum(sizes) / max(1, len(sizes))

    def backward(self, part: Part, features: Tensor) -> Tensor:
        """The gradient of the part's errors."""
        gradients = [
            self.error(part, features, self._target(number, part), weights, share)
            for number, share, weights in self._goals(part)
        ]
        return sum(gradients[1:], gradients[0]) if gradients else torch.zeros_like(features)

    def _goals(self, part: Part) -> Iterator[tuple[int, float, Tensor | None]]:
        """A style's number, its share and how much positions count, wherever it has a share."""
        for region, mask, areas in zip(self.regions, self.masks, self.areas, strict=True):
            weights, area = mask[part.layer], areas[part.layer]
            for number, share in region.shares[part.layer].items():
                if share:
                    yield number, share / area, None if weights is None else part.of(weights)

    def _target(self, number: int, part: Part) -> Tensor:
        """The features of a style that are to be in a part, (1, C, h, w)."""
        if (number, part) in self.targets:
            return self.targets[number, part]
        style, nearest = self.styles[number], self.nearest[number]
        places = nearest[_on_grid(part, (nearest.shape[0], nearest.shape[1]))]
        found = style.rows[part.layer][places.flatten()].T.reshape(1, -1, *places.shape)
        if (ratio := _ratio(part.layer)) >= 1:
            found = F.pixel_shuffle(found, round(ratio))
        else:
            found = F.avg_pool2d(found, round(1 / ratio))
        target = _filled(found, part.place(positions(part.layer, self.walk.size)))
        if self.walk.tiles == 1:  # there is room to keep them
            self.targets[number, part] = target
        return target


def most_alike(queries: Tensor, keys: Tensor) -> Tensor:
    """For each of `queries` (n, k) the number of one of `keys` (P, k) with the largest product.

    Of many on a CPU, keys are sought in the GROUPS_SEEN groups whose middles are the most alike
    to a query, as in an inverted file (Jégou, Douze and Schmid 2011): nearly always the best one.
    """
    if queries.device.type != "cpu" or len(queries) * len(keys) <= EXHAUSTIVE:
        at_once = max(1, AT_ONCE // len(keys))
        return torch.cat([(some @ keys.T).argmax(1) for some in torch.split(queries, at_once)])
    count = round(len(keys) ** 0.5)
    spread = torch.linspace(0, len(keys) - 1, count).long()
    middles, some = keys[spread], keys[:: max(1, len(keys) // (count * SAMPLED))]
    for _ in range(ROUNDS):
        sums = torch.zeros_like(middles).index_add_(0, (some @ middles.T).argmax(1), some)
        empty = sums.square().sum(1, keepdim=True) == 0
        middles = F.normalize(torch.where(empty, middles, sums), dim=1)
    members = _grouped(_nearest(keys, middles, 1), count)
    askers = _grouped(_nearest(queries, middles, GROUPS_SEEN), count)
    highest = queries.new_full((len(queries),), -torch.inf)
    best = torch.zeros(len(queries), dtype=torch.int64)
    for those, who in zip(members, askers, strict=True):
        if len(those) and len(who):
            value, place = (queries[who] @ keys[those].T).max(1)
            better = value > highest[who]
            highest[who[better]] = value[better]
            best[who[better]] = those[place[better]]
    return best


def _nearest(rows: Tensor, middles: Tensor, count: int) -> Tensor:
    """The `count` middles that are the most alike to each row, (n, count)."""
    at_once = max(1, AT_ONCE // len(middles))
    found = [(some @ middles.T).topk(count, 1).indices for some in torch.split(rows, at_once)]
    return torch.cat(found)


def _grouped(groups: Tensor, count: int) -> Sequence[Tensor]:
    """For each of `count` groups the rows of `groups` (n, m) that name it."""
    order = groups.flatten().argsort(stable=True) // groups.shape[1]
    return torch.split(order, torch.bincount(groups.flatten(), minlength=count).tolist())


class _Rows:
    """Features at some positions of the grid, gathered part by part.

    At a finer layer a position of the grid has a patch of features, its row (C · n²); at a coarser
    one it shares them with its neighbours.
    """

    def __init__(
        self,
        layers: Sequence[str],
        image: Tensor,
        mask: Tensor | None,
        most: int,
        dtype: torch.dtype,
    ) -> None:
        size = (image.shape[-2], image.shape[-1])
        # The last rows and columns of the grid may have no position at a coarser layer.
        sides = [[int(n / _ratio(name)) for n in positions(name, size)] for name in (*layers, GRID)]
        rows, columns = (min(of_layers) for of_layers in zip(*sides, strict=True))
        counts = torch.ones(rows, columns, device=image.device)
        if mask is not None:
            counts = F.avg_pool2d(mask, geometry(GRID).stride)[0, 0, :rows, :columns]
        inside = (counts >= counts.max().clamp_max(0.5)).nonzero()
        order = torch.randperm(len(inside), generator=torch.Generator().manual_seed(0))
        self.chosen = inside[order[:most].sort().values.to(inside.device)]
        self.grid = positions(GRID, size)
        self.of = {  # of all layers, also of those that another worker sees
            name: torch.zeros(
                len(self.chosen),
                channels(name) * max(1, round(_ratio(name))) ** 2,
                dtype=dtype,
                device=image.device,
            )
            for name in layers
        }

    def forward(self, part: Part, features: Tensor) -> None:
        """Keep what a part has of the chosen positions."""
        ratio = _ratio(part.layer)
        rows, columns = _on_grid(part, self.grid)
        y, x = self.chosen[:, 0] - rows.start, self.chosen[:, 1] - columns.start
        height, width = rows.stop - rows.start, columns.stop - columns.start
        here = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        y, x = y[here], x[here]
        placed = features[0].permute(1, 2, 0)  # (h, w, C), as channels lie last
        if ratio > 1:
            n = round(ratio)
            high, wide = placed.shape[0] // n, placed.shape[1] // n
            placed = placed[: high * n, : wide * n]
            patches = placed.reshape(high, n, wide, n, -1).transpose(1, 2)[y, x]
            self.of[part.layer][here] = patches.permute(0, 3, 1, 2).flatten(1)
        else:
            n = round(1 / ratio)
            self.of[part.layer][here] = placed[y // n, x // n]


def _ratio(layer: str) -> float:
    """How many positions of `layer`, a side, make one of the grid."""
    return geometry(GRID).stride / geometry(layer).stride


def _on_grid(part: Part, grid: tuple[int, int]) -> tuple[slice, slice]:
    """The positions of the grid that a part covers, of a grid of so many rows and columns."""
    ratio, (_, *cuts) = _ratio(part.layer), part.tile.positions(part.stride)
    rows, columns = (
        slice(int(cut.start / ratio), side if cut.stop is None else int(cut.stop / ratio))
        for cut, side in zip(cuts, grid, strict=True)
    )
    return rows, columns


def _filled(features: Tensor, place: tuple[slice, slice]) -> Tensor:
    """`features` (1, C, h, w) in the size of `place`: cut, or the last row and column repeated."""
    height, width = (cut.stop - cut.start for cut in place)
    features = features[..., :height, :width]
    missing = (0, width - features.shape[-1], 0, height - features.shape[-2])
    return F.pad(features, missing, mode="replicate") if any(missing) else features


def _basis(columns: Tensor) -> Basis:
    """Of centred `columns` (P, C) the first principal components, each layer as long as another."""
    mean = columns.mean(0)
    centred = columns - mean
    covariance = (centred.T @ centred / len(columns)).double().cpu()
    vectors = torch.linalg.eigh(covariance).eigenvectors[:, -COMPONENTS:]
    spread = covariance.trace().clamp_min(torch.finfo(torch.float32).tiny).sqrt()
    return Basis(mean, (vectors / spread).to(columns))
