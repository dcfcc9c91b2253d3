"""Find the numbers that `velatura duplicates` compares pictures with, and write them.

    python benchmarks/calibrate_duplicates.py DIR … [-o calibration.safetensors]

Uses one half of the photographs in the folders, told by a hash of their names;
`benchmarks/duplicates.py` measures on the other half. Of large ones nine views are taken that
overlap their neighbours by a quarter: different pictures of one scene, which must not be matched.
A part of this half makes the whitening, the rest the weights of the evidence and the threshold.
"""

import argparse
import random
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
from velatura.duplicates.fingerprints import FREQUENCIES, LAYER, STYLE_LAYERS, Describer, Look

COPIES = 12  # of each photograph, by transformations drawn at random
DESCRIPTOR, STYLE = 128, 16  # numbers of the descriptor, and directions of each Gram matrix
# Decided before the network is asked: its descriptor need not be blind to them.
TURNS = ("rotation 90°", "rotation 180°", "rotation 270°", "flip across", "flip down")
RIDGE = 0.05  # added to the scatter that copies have, as a part of its mean
PRECISION = 0.99
NEAREST = 0.95  # spectra less alike than that never decide: consecutive shots are that alike


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    home = Path(velatura.duplicates.__file__).parent
    parser.add_argument("-o", "--output", type=Path, default=home / calibration.FILE)
    arguments = parser.parse_args()
    generator = random.Random(0)
    pictures = base_pictures(arguments.folders, measured=False)
    generator.shuffle(pictures)
    cut = len(pictures) * 3 // 5
    numbers = torch.zeros(0), torch.zeros(0)
    blank = Calibration(
        "",
        torch.ones(FREQUENCIES, FREQUENCIES),
        *numbers,
        {},
        *numbers,
        torch.zeros(10),
        2,
        1,
        numbers[0],
    )
    describer = Describer(blank)
    seen_by_network = [name for name in TRANSFORMATIONS if name not in TURNS]
    looks, owners = copies(pictures[:cut], seen_by_network, generator)
    numbers_of = whitening(describer, looks, owners)
    print(f"{cut} pictures, {len(looks)} with their copies, for the whitening")
    found = calibration.from_tensors(numbers_of, "")
    looks, owners = copies(pictures[cut:], list(TRANSFORMATIONS), generator)
    print(f"{len(pictures) - cut} pictures, {len(looks)} with their copies, for the threshold")
    numbers_of |= threshold(found, looks, owners)
    save_file({name: tensor.contiguous() for name, tensor in numbers_of.items()}, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def copies(
    pictures: list[Named], names: list[str], generator: random.Random
) -> tuple[list[Look], Tensor]:
    """Each picture and COPIES of it; which picture each is a copy of. Originals come first."""
    looks = [look_of(image) for _, image in pictures]
    owners = list(range(len(pictures)))
    for number, (_, image) in enumerate(pictures):
        for name in generator.sample(names, COPIES):
            looks.append(look_of(TRANSFORMATIONS[name](image, generator)))
            owners.append(number)
    return looks, torch.tensor(owners)


def batches(describer: Describer, looks: list[Look]) -> Iterator[dict[str, Tensor]]:
    for start in range(0, len(looks), 32):
        yield describer.features(looks[start : start + 32])


def whitening(describer: Describer, looks: list[Look], owners: Tensor) -> dict[str, Tensor]:
    """What fingerprints are centred and whitened with."""
    originals = int(owners.max()) + 1
    found: dict[str, Tensor] = {}
    moments: dict[str, Tensor] = {}
    for features in batches(describer, looks[: min(originals, 320)]):
        for name in STYLE_LAYERS:
            flat = features[name].float().permute(0, 2, 3, 1).flatten(0, 2)
            moments[name] = moments.get(name, 0) + flat.T @ flat
    for name, moment in moments.items():
        found[f"basis {name}"] = torch.linalg.eigh(moment).eigenvectors[:, -STYLE:].half()
    content, style = [], []
    for features in batches(describer, looks):
        content.append(fingerprints.pooled(features[LAYER]))
        style.append(
            torch.cat(
                [fingerprints.gram(features[n], found[f"basis {n}"].float()) for n in STYLE_LAYERS],
                dim=1,
            )
        )
    numbers, grams = torch.cat(content), torch.cat(style)[:originals]
    found["style mean"], found["style deviation"] = grams.mean(0), grams.std(0).clamp_min(1e-6)
    found["mean"], projection = discriminant(numbers, owners, originals)
    found["projection"] = projection.half()
    greys = torch.stack([torch.from_numpy(seen.grey.copy()) for seen in looks[:originals]])
    scale = fingerprints.spectrum(greys).std(0)
    found["scale"] = ((scale + scale.T) / 2).clamp_min(1e-3)  # turned pictures are as likely
    found |= {"weights": torch.zeros(10), "near": torch.tensor(2.0), "auto": torch.tensor(1.0)}
    return found | {"curve": torch.zeros(0, 3)}


def discriminant(numbers: Tensor, owners: Tensor, originals: int) -> tuple[Tensor, Tensor]:
    """Mean, and the projection that whitens how copies differ from their originals.

    Linear discriminant analysis: of the directions so whitened those are kept in which originals
    differ most from each other.
    """
    mean = numbers[:originals].mean(0)
    deviation = numbers[:originals].std(0).clamp_min(1e-6)
    normal = ((numbers - mean) / deviation).double()
    change = normal[originals:] - normal[owners[originals:]]
    within = change.T @ change / len(change)
    within += RIDGE * within.diagonal().mean() * torch.eye(len(within), dtype=within.dtype)
    values, vectors = torch.linalg.eigh(within)
    whiten = vectors * values.rsqrt()
    between = whiten.T @ torch.cov(normal[:originals].T) @ whiten
    best = torch.linalg.eigh(between).eigenvectors[:, -DESCRIPTOR:]
    return mean, ((whiten @ best) / deviation[:, None]).float()


def threshold(found: Calibration, looks: list[Look], owners: Tensor) -> dict[str, Tensor]:
    """Weights of the evidence, where spectra alone decide, the threshold, the curve."""
    describer = Describer(found)
    prints = prints_of(describer, looks)
    originals = int(owners.max()) + 1
    copies_of, known = prints.part(originals, len(looks)), prints.part(0, originals)
    owners = owners[originals:]
    alike = (fingerprints.turned(copies_of.spectra) @ known.spectra.T).amax(1)
    different = alike[owners[:, None] != torch.arange(originals)].max()
    near = ((different + 1) / 2).clamp_min(NEAREST)
    print(f"different pictures have spectra up to {different:.3f} alike")
    pairs = matching.likely(copies_of, known)
    right = (owners[pairs.one] == pairs.other).double()
    terms = calibration.evidence(pairs.cosine, pairs.spectra, pairs.alignment).double()
    weights = logistic(terms, right)
    values = matching.similarities(pairs, found._replace(weights=weights, near=float(near)))
    order = values.argsort(descending=True)
    hits = right[order].cumsum(0)
    precision = hits / torch.arange(1, len(hits) + 1)
    last = int(torch.nonzero(precision >= PRECISION)[-1])
    auto = values[order][last]
    total = len(owners)
    at = torch.cat([torch.linspace(0.05, 0.95, 19), torch.tensor([0.97, 0.98, 0.99, 0.995, 0.999])])
    rows = []
    for level in at.tolist():
        chosen = values >= level
        kept = float(right[chosen].sum())
        rows.append([level, kept / max(1, int(chosen.sum())), kept / total])
    print(f"near {near:.4f}, auto {auto:.4f}, recall {hits[last] / total:.4f} at {PRECISION}")
    return {"weights": weights, "near": near, "auto": auto, "curve": torch.tensor(rows)}


def prints_of(describer: Describer, looks: list[Look]) -> matching.Fingerprints:
    """Fingerprints of pictures, all seen by the network."""
    greys = torch.stack([torch.from_numpy(seen.grey.copy()) for seen in looks])
    descriptors = [
        describer(looks[start : start + 32]).content for start in range(0, len(looks), 32)
    ]
    return matching.Fingerprints(
        greys.float(),
        fingerprints.whitened(fingerprints.spectrum(greys), describer.calibration.scale),
        torch.tensor([seen.width / seen.height for seen in looks]),
        torch.cat(descriptors),
    )


def logistic(terms: Tensor, right: Tensor, decay: float = 1e-2) -> Tensor:
    """Weights of a logistic regression, by Newton's method."""
    weights = terms.new_zeros(terms.shape[1])
    ridge = decay * torch.eye(terms.shape[1], dtype=terms.dtype)
    for _ in range(50):
        guess = torch.sigmoid(terms @ weights)
        curvature = (terms * (guess * (1 - guess))[:, None]).T @ terms + ridge
        weights = weights + torch.linalg.solve(
            curvature, terms.T @ (right - guess) - decay * weights
        )
    return weights.float()


if __name__ == "__main__":
    main()
