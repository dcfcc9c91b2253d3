"""Painting one image by optimisation."""
