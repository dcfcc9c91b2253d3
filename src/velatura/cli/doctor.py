"""`velatura doctor`: what Velatura finds on this machine."""

import argparse
import json
import os
import platform
from typing import Any

from velatura.cli.progress import tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object to stdout")


def run(arguments: argparse.Namespace) -> int:
    import PIL
    import torch
    from PIL import features

    from velatura import __version__, cache
    from velatura.errors import WeightsError
    from velatura.perception import weights
    from velatura.perception.devices import has_bf16, pick_device

    try:
        weights.load()
        embedded = "found"
    except WeightsError as error:
        embedded = str(error)
    device = pick_device("auto")
    torchvision = cache.folder() / weights.TORCHVISION_URL.rsplit("/", 1)[-1]
    found: dict[str, Any] = {
        "velatura": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())],
        "mps": torch.backends.mps.is_available(),
        "device": str(device),
        "bf16": has_bf16(device),
        "avif": features.check("avif"),
        "weights embedded": embedded,
        "weights torchvision": str(torchvision) if torchvision.is_file() else "not downloaded",
    }
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            tell(f"{name + ':':21}{value if value != [] else 'none'}")
    return 0 if embedded == "found" else 2
