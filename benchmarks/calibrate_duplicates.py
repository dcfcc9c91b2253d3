"""Find the numbers that `velatura duplicates` compares pictures with, and write them.

    python benchmarks/calibrate_duplicates.py DIR … [-o calibration.safetensors]

Uses one half of the photographs in the folders, told by a hash of their names;
`benchmarks/duplicates.py` measures on the other half. Of large ones nine views are taken that
overlap their neighbours by a quarter: different pictures of one scene, which must not be matched.
The weights of the evidence and the threshold are found in folds: no picture is compared by
a whitening that has seen it. The views of a photograph count together as much as one that is small:
they are alike, and one photograph of a wooden wall would decide alone.
"""

import argparse
import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from duplicate_pictures import Named, base_pictures, look_of
from safetensors.torch import save_file
from torch import Tensor
from transformations import TRANSFORMATIONS

import velatura.duplicates
from velatura.duplicates import calibration, fingerprints, matching
from velatura.duplicates.calibration import Calibration
from velatura.duplicates.fingerprints import LAYER, STYLE_LAYERS, Describer, Look

COPIES = 12  # of each photograph, by transformations drawn at random
BATCH = 32  # that the network sees at once
FOLDS = 8  # of which one is compared, and the others make its whitening
DESCRIPTOR, STYLE = 128, 16  # numbers of the descriptor, and directions of each Gram matrix
# Decided before the network is asked: its descriptor need not be blind to them.
TURNS = ("rotation 90°", "rotation 180°", "rotation 270°", "flip across", "flip down")
RIDGE = 0.05  # added to the scatter that copies have, as a part of its mean
PRECISION = 0.99
LEVELS = (*(number / 20 for number in range(1, 20)), 0.97, 0.98, 0.99, 0.995, 0.999)
NEAREST = 0.95  # spectra less alike than that never decide: consecutive shots are that alike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    home = Path(velatura.duplicates.__file__).parent
    parser.add_argument("-o", "--output", type=Path, default=home / calibration.FILE)
    arguments = parser.parse_args()
    generator = random.Random(0)
    pictures = base_pictures(arguments.folders, measured=False)
    looks, owners, turned = copies(pictures, generator)
    print(f"{len(pictures)} pictures, {len(looks)} with their copies")
    greys = torch.stack([torch.from_numpy(seen.grey.copy()) for seen in looks])
    numbers, found = seen_by_network(looks, len(pictures))
    found["mean"], projection = discriminant(numbers, owners, ~turned)
    found["projection"] = projection.half()
    spectra = fingerprints.spectrum(greys)
    scale = spectra[: len(pictures)].std(0)
    found["scale"] = ((scale + scale.T) / 2).clamp_min(1e-3)  # turned pictures are as likely
    prints = matching.Fingerprints(
        greys,
        fingerprints.whitened(spectra, found["scale"]),
        torch.tensor([seen.width / seen.height for seen in looks]),
        torch.zeros(len(looks), DESCRIPTOR),
    )
    photographs = [name.split("-")[0] for name, _ in pictures]
    views = Counter(photographs)
    shares = torch.tensor([1 / views[name] for name in photographs])[owners]
    folds = torch.tensor([fold(name) for name in photographs])[owners]
    found |= threshold(prints, numbers, owners, ~turned, folds, shares)
    save_file({name: tensor.contiguous() for name, tensor in found.items()}, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def copies(pictures: list[Named], generator: random.Random) -> tuple[list[Look], Tensor, Tensor]:
    """Each picture and COPIES of it, originals first; whose copy each is; which are turned."""
    looks = [look_of(image) for _, image in pictures]
    owners, turned = list(range(len(pictures))), [False] * len(pictures)
    for number, (_, image) in enumerate(pictures):
        for name in generator.sample(list(TRANSFORMATIONS), COPIES):
            looks.append(look_of(TRANSFORMATIONS[name](image, generator)))
            owners.append(number)
            turned.append(name in TURNS)
    return looks, torch.tensor(owners), torch.tensor(turned)


def fold(name: str) -> int:
    """Which of FOLDS a photograph belongs to, with all its views."""
    return hashlib.sha256(name.encode()).digest()[1] % FOLDS


def seen_by_network(looks: list[Look], originals: int) -> tuple[Tensor, dict[str, Tensor]]:
    """What descriptors are made of, and what styles are centred and whitened with."""
    numbers = torch.zeros(0)
    blank = Calibration(
        "", numbers, numbers, numbers, {}, numbers, numbers, numbers, 1.0, 1.0, numbers
    )
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
    prints: matching.Fingerprints,
    numbers: Tensor,
    owners: Tensor,
    used: Tensor,
    folds: Tensor,
    shares: Tensor,
) -> dict[str, Tensor]:
    """Weights of the evidence, where spectra alone decide, the threshold, the curve.

    Each fold's pictures are compared with each other by a whitening made from the other folds.
    Each pair counts by the share of its copy.
    """
    original = owners == torch.arange(len(owners))
    terms, spectra, rights, counts = [], [], [], []
    for number in range(FOLDS):
        mean, projection = discriminant(numbers, owners, used & (folds != number))
        whole = prints._replace(descriptors=fingerprints.unit((numbers - mean) @ projection))
        rows, known = (torch.nonzero(x & (folds == number))[:, 0] for x in (~original, original))
        pairs = matching.likely(
            *(matching.Fingerprints(*(tensor[x] for tensor in whole)) for x in (rows, known))
        )
        rights.append(owners[rows][pairs.one] == known[pairs.other])
        terms.append(calibration.evidence(pairs.cosine, pairs.spectra, pairs.alignment))
        spectra.append(pairs.spectra)
        counts.append(shares[rows][pairs.one])
    right, alike, count = torch.cat(rights).double(), torch.cat(spectra), torch.cat(counts).double()
    evidence = torch.cat(terms).double()
    weights = logistic(evidence, right, count)
    near = ((alike[right == 0].max() + 1) / 2).clamp_min(NEAREST)
    print(f"different pictures have spectra up to {alike[right == 0].max():.3f} alike")
    values = torch.sigmoid(evidence @ weights.double()).float()
    values = torch.where(alike >= near, torch.maximum(values, alike), values)
    order = values.argsort(descending=True)
    precision = (right * count)[order].cumsum(0) / count[order].cumsum(0)
    auto = values[order][torch.nonzero(precision >= PRECISION)[-1, 0]]
    total = float(shares[~original].sum())
    rows = []
    print("| similarity | precision | recall |\n| ---: | ---: | ---: |")
    for level in sorted([*LEVELS, float(auto)]):
        chosen = count * (values >= level)
        kept = float((right * chosen).sum())
        rows.append([level, kept / max(1e-9, float(chosen.sum())), kept / total])
        print("| {:.3f} | {:.4f} | {:.3f} |".format(*rows[-1]))
    print(f"near {near:.4f}, auto {auto:.4f}")
    return {"weights": weights, "near": near, "auto": auto, "curve": torch.tensor(rows)}


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
