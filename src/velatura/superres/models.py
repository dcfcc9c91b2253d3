"""Networks that enlarge pictures: those that come with the package, and files of the user's own."""

from pathlib import Path

from velatura.superres.network import UpscaleNetwork
from velatura.training.registry import Model, Registry

UpscaleModel = Model[UpscaleNetwork]
REGISTRY = Registry("model", Path(__file__).parent / "models", "velatura-upscale-1", UpscaleNetwork)
shipped, load, save = REGISTRY.shipped, REGISTRY.load, REGISTRY.save
