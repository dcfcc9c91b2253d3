"""The version, which pictures carry in their settings."""

__version__ = "0.1.0"
