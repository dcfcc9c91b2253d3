"""Networks that enlarge pictures: those that come with the package, and files of the user's own."""

from pathlib import Path

from velatura.superres.network import UpscaleNetwork
from velatura.training.shelf import Model, Shelf

UpscaleModel = Model[UpscaleNetwork]
SHELF = Shelf("model", Path(__file__).parent / "models", "velatura-upscale-1", UpscaleNetwork)
shipped, load, save = SHELF.shipped, SHELF.load, SHELF.save
