"""Pictures that are painted once and kept, so that a stopped measurement goes on where it was."""

import sys
from collections import deque
from pathlib import Path
from typing import Any

from torch import Tensor

from velatura import StyleConfig, transfer
from velatura.images.io import read, to_pil, write
from velatura.images.resize import resize


def painted(path: Path, photo: Tensor, painting: Tensor, **options: Any) -> Tensor:
    """`photo` (1, 3, height, width) at its size after `painting`, from `path` if it is there."""
    if not path.exists():
        print(path, file=sys.stderr, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        config = StyleConfig.from_dict({"size": max(photo.shape[-2:])} | options)
        (last,) = deque(transfer(photo, [painting], config), maxlen=1)
        write(path, to_pil(resize(last.image, (photo.shape[-2], photo.shape[-1]))))
    return read(path).pixels
