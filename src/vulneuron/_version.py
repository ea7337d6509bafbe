"""The version, in a module of its own that the build and all others can read."""

__version__ = "0.1.0"
