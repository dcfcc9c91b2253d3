"""Styles that are learnt: those that come with the package, and files of the user's own."""

from pathlib import Path

from velatura.fast.network import StyleNetwork
from velatura.training.shelf import Model, Shelf

Style = Model[StyleNetwork]
SHELF = Shelf("style", Path(__file__).parent / "styles", "velatura-style-2", StyleNetwork)
shipped, find, load, save = SHELF.shipped, SHELF.find, SHELF.load, SHELF.save
