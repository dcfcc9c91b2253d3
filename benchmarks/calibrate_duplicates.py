"""Find the numbers that `velatura duplicates` compares pictures with, and write them.

    python benchmarks/calibrate_duplicates.py DIR … [-o calibration.safetensors]

Uses one half of the photographs in the folders, told by a hash of their names, and drawn pages,
screenshots, charts and icons; `benchmarks/duplicates.py` measures on the other half and on others
drawn. Of large photographs nine views are taken that overlap their neighbours by a quarter:
different pictures of one scene, which must not be matched. The views of a photograph count together
as much as one that is small: they are alike, and one photograph of planks would decide alone. All
photographs together count as much as all drawn pictures.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from drawn_pictures import drawn_pictures
from duplicate_pictures import Named, base_pictures, copy_of, look_of
from safetensors.torch import save_file
from torch import Tensor
from transformations import TRANSFORMATIONS

import velatura.duplicates
from velatura.duplicates import calibration, fingerprints, matching
from velatura.duplicates.calibration import Calibration
from velatura.duplicates.fingerprints import LAYER, STYLE_LAYERS, Describer, Look

COPIES = 10  # of each picture, by transformations drawn at random
COMPARED = 3  # of so many copies one is compared with all originals
BATCH = 32  # that the network sees at once
DRAWN = 16  # pictures of each kind
DESCRIPTOR, STYLE = 128, 16  # numbers of the descriptor, and directions of each Gram matrix
# Decided before the network is asked: its descriptor need not be blind to them.
TURNS = ("rotation 90°", "rotation 180°", "rotation 270°", "flip across", "flip down")
RIDGE = 0.05  # added to the scatter that copies have, as a part of its mean
PRECISION = 0.995
LEVELS = (*(number / 20 for number in range(1, 20)), 0.97, 0.98, 0.99, 0.995, 0.999)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    home = Path(velatura.duplicates.__file__).parent
    parser.add_argument("-o", "--output", type=Path, default=home / calibration.FILE)
    arguments = parser.parse_args()
    generator = random.Random(0)
    photographs = base_pictures(arguments.folders, measured=False)
    pictures = photographs + list(drawn_pictures(measured=False, count=DRAWN))
    looks, owners, turned = copies(pictures, generator)
    print(f"{len(pictures)} pictures, {len(photographs)} photographs; {len(looks)} with copies")
    squares = fingerprints.lightness([seen.grey for seen in looks])
    squares = fingerprints.halved(squares).round().byte()
    numbers, found = seen_by_network(looks, len(photographs))
    found["mean"], projection = discriminant(numbers, owners, ~turned)
    found["projection"] = projection.half()
    spectra = fingerprints.spectrum(squares)
    scale = spectra[: len(photographs)].std(0)
    found["scale"] = ((scale + scale.T) / 2).clamp_min(1e-3)  # turned pictures are as likely
    prints = matching.Fingerprints(
        [seen.grey for seen in looks],
        squares,
        fingerprints.whitened(spectra, found["scale"]),
        torch.tensor([seen.width / seen.height for seen in looks]),
        fingerprints.unit((numbers - found["mean"]) @ projection),
    )
    names = [name.split("-")[0] for name, _ in photographs]
    views = Counter(names)
    # Photographs and drawn pictures decide alike.
    drawn_share = len(views) / (len(pictures) - len(names))
    shares = [1 / views[name] for name in names] + [drawn_share] * (len(pictures) - len(names))
    drawn = owners >= len(photographs)
    found |= threshold(prints, owners, len(pictures), drawn, torch.tensor(shares)[owners])
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def copies(pictures: list[Named], generator: random.Random) -> tuple[list[Look], Tensor, Tensor]:
    """Each picture and COPIES of it, originals first; whose copy each is; which are turned."""
    looks = [look_of(image) for _, image in pictures]
    owners, turned = list(range(len(pictures))), [False] * len(pictures)
    for number in range(len(pictures)):
        for name in generator.sample(list(TRANSFORMATIONS), COPIES):
            copy = copy_of(pictures, number, name, generator.random())
            if copy is None:
                continue
            looks.append(look_of(copy))
            owners.append(number)
            turned.append(name in TURNS)
    return looks, torch.tensor(owners), torch.tensor(turned)


def seen_by_network(looks: list[Look], originals: int) -> tuple[Tensor, dict[str, Tensor]]:
    """What descriptors are made of, and what styles are centred and whitened with."""
    numbers = torch.zeros(0)
    blank = Calibration("", numbers, numbers, numbers, {}, numbers, numbers, numbers, 1.0)
    describer = Describer(blank)
    found: dict[str, Tensor] = {}
    moments: dict[str, Tensor] = {}
    for features in batches(describer, looks[:originals]):
        for name in STYLE_LAYERS:
            flat = features[name].float().permute(0, 2, 3, 1).flatten(0, 2)
            moments[name] = moments.get(name, 0) + flat.T @ flat
    for name, moment in moments.items():
        found[f"basis {name}"] = torch.linalg.eigh(moment).eigenvectors[:, -STYLE:].half()
    content, styles = [], []
    for features in batches(describer, looks):
        content.append(fingerprints.pooled(features[LAYER]))
        if len(styles) * BATCH < originals:
            grams = [
                fingerprints.gram(features[n], found[f"basis {n}"].float()) for n in STYLE_LAYERS
            ]
            styles.append(torch.cat(grams, dim=1))
    style = torch.cat(styles)[:originals]
    found["style mean"], found["style deviation"] = style.mean(0), style.std(0).clamp_min(1e-6)
    return torch.cat(content), found


def batches(describer: Describer, looks: list[Look]) -> Iterator[dict[str, Tensor]]:
    for start in range(0, len(looks), BATCH):
        yield describer.features(looks[start : start + BATCH])


def discriminant(numbers: Tensor, owners: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
    """Mean, and the projection that whitens how copies differ from their originals.

    Linear discriminant analysis: of the directions so whitened those are kept in which originals
    differ most from each other. Rows that are not `used` are left out.
    """
    original = owners == torch.arange(len(owners))  # an original is at its own number
    mean = numbers[original & used].mean(0)
    deviation = numbers[original & used].std(0).clamp_min(1e-6)
    normal = ((numbers - mean) / deviation).double()
    change = (normal - normal[owners])[used & ~original]
    within = change.T @ change / len(change)
    within += RIDGE * within.diagonal().mean() * torch.eye(len(within), dtype=within.dtype)
    values, vectors = torch.linalg.eigh(within)
    whiten = vectors * values.rsqrt()
    between = whiten.T @ torch.cov(normal[original & used].T) @ whiten
    best = torch.linalg.eigh(between).eigenvectors[:, -DESCRIPTOR:]
    return mean, ((whiten @ best) / deviation[:, None]).float()


def threshold(
    prints: matching.Fingerprints, owners: Tensor, originals: int, drawn: Tensor, shares: Tensor
) -> dict[str, Tensor]:
    """Weights of the evidence, and the threshold.

    Copies are compared with all originals. Each pair counts by the share of its copy. The
    threshold is the similarity of the last pair down to which photographs have PRECISION, and drawn
    pictures as well, rounded up to a twentieth.
    """
    known, rights, agreements, copies = prints.at(torch.arange(originals)), [], [], []
    rows = torch.arange(originals, len(owners), COMPARED)
    for some in rows.split(matching.BLOCK):
        pairs = matching.likely(prints.at(some), known)
        rights.append(owners[some][pairs.one] == pairs.other)
        agreements.append(pairs.agreement)
        copies.append(some[pairs.one])
    right, copy = torch.cat(rights).double(), torch.cat(copies)
    agreement, count = torch.cat(agreements), shares[copy].double()
    weights = logistic(calibration.evidence(agreement).double(), right, count)
    values = calibration.similarity(weights, agreement)
    order = values.argsort(descending=True)
    sorts = {"photographs": ~drawn, "drawn": drawn}
    levels = []
    for sort in sorts.values():
        mine = (count * sort[copy])[order]
        precision = (right[order] * mine).cumsum(0) / mine.cumsum(0).clamp_min(1e-9)
        levels.append(values[order][torch.nonzero((precision >= PRECISION) & (mine > 0))[-1, 0]])
    auto = torch.ceil(20 * torch.stack(levels).max()) / 20  # a little more, as others may differ
    print(f"| similarity |{' precision | recall |' * 2}\n|{' ---: |' * 5}")
    for level in sorted([*LEVELS, float(auto)]):
        row = []
        for sort in sorts.values():
            chosen = count * (values >= level) * sort[copy]
            kept = float((right * chosen).sum())
            total = float((shares * sort)[rows].sum())
            row += [kept / max(1e-9, float(chosen.sum())), kept / total]
        print("| {:.3f} | {:.4f} | {:.3f} | {:.4f} | {:.3f} |".format(level, *row))
    print(f"auto {auto:.4f}, of photographs {levels[0]:.4f}, of drawn pictures {levels[1]:.4f}")
    return {"weights": weights, "auto": auto}


def logistic(terms: Tensor, right: Tensor, count: Tensor, decay: float = 1e-2) -> Tensor:
    """Weights of a logistic regression, by Newton's method; each row counts by `count`."""
    weights = terms.new_zeros(terms.shape[1])
    ridge = decay * torch.eye(terms.shape[1], dtype=terms.dtype)
    for _ in range(50):
        guess = torch.sigmoid(terms @ weights)
        curvature = (terms * (count * guess * (1 - guess))[:, None]).T @ terms + ridge
        slope = terms.T @ (count * (right - guess)) - decay * weights
        weights = weights + torch.linalg.solve(curvature, slope)
    return weights.float()


if __name__ == "__main__":
    main()
