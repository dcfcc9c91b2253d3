"""Ten thousand pictures: time, memory, size of the index, time of the second run.

    python benchmarks/many_duplicates.py DIR … [--count 10000]

The pictures are cut at random from the photographs in the folders, 320 pixels wide, as JPEG. Then
the time that one takes to be compared with a hundred thousand others, of random fingerprints.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from velatura.duplicates import matching
from velatura.duplicates.fingerprints import FREQUENCIES, GREY, SEEN, Look, unit
from velatura.duplicates.folders import ENDINGS

MANY = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=10000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        library, index = Path(name) / "library", Path(name) / "index.db"
        library.mkdir()
        bytes_in_all = write_pictures(arguments.folders, library, arguments.count)
        print(f"{arguments.count} pictures, {bytes_in_all / 1e6:.0f} MB")
        for run in ("first", "second"):
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "velatura", "duplicates", library, "--index", index],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds = time.monotonic() - began
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            print(
                f"{run} run: {seconds:.1f} s, {arguments.count / seconds:.0f} pictures a second, "
                f"peak memory so far {memory:.2f} GB, index {index.stat().st_size / 1e6:.1f} MB; "
                f"{done.stderr.splitlines()[-1]}"
            )
    print(f"one compared with {MANY}: {1000 * comparison():.1f} ms")


def comparison() -> float:
    """Seconds that a picture takes to be compared with MANY, of random fingerprints."""
    generator = torch.Generator().manual_seed(0)
    blank = Look(1, 1, np.zeros((SEEN, SEEN, 3), np.uint8)).grey
    prints = matching.Fingerprints(
        [blank] * MANY,
        torch.randint(256, (MANY, GREY, GREY), dtype=torch.uint8, generator=generator),
        unit(torch.randn(MANY, FREQUENCIES**2, generator=generator)),
        torch.ones(MANY),
        unit(torch.randn(MANY, 128, generator=generator)),
    )
    new = prints.at(torch.arange(matching.BLOCK))
    matching.likely(new, prints)
    began = time.monotonic()
    matching.likely(new, prints)
    return (time.monotonic() - began) / matching.BLOCK


def write_pictures(folders: list[Path], library: Path, count: int) -> int:
    """Write the pictures; return their bytes."""
    generator = random.Random(0)
    paths = sorted(path for folder in folders for path in folder.rglob("*"))
    paths = [path for path in paths if path.suffix.lower() in ENDINGS]
    written = 0
    for number in range(len(paths)):
        with Image.open(paths[number]) as image:
            picture = image.convert("RGB")
        for place in range(number, count, len(paths)):
            width = generator.randint(picture.width // 4, picture.width // 2)
            height = width * 2 // 3
            left = generator.randint(0, picture.width - width)
            top = generator.randint(0, max(0, picture.height - height))
            cut = picture.crop((left, top, left + width, min(picture.height, top + height)))
            path = library / f"{place:06}.jpg"
            cut.resize((320, 213), Image.Resampling.LANCZOS).save(path, quality=90)
            written += path.stat().st_size
    return written


if __name__ == "__main__":
    main()
