"""The errors that cross a border, so that a command can answer each with one line and an exit code."""

from __future__ import annotations


class AmrError(Exception):
    """Base of every error that ends a command with exit 2 and its text as the one line printed."""


class ConfigError(AmrError):
    """A robot, world, scenario or map file that must not be run: text names file, key, expectation."""


class DataError(AmrError):
    """A log, benchmark or map data file that is missing, torn or of the wrong kind."""


class PortError(AmrError):
    """A port that cannot be opened, is busy, or is gone."""
