"""Cost terms of MPPI, one a file: name in ``control.mppi.terms`` -> function."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from amr.control.terms import cost_to_go, goal, heading, motion, movers, obstacle, path, progress, smoothness, stopping
from amr.control.terms.base import TermContext
from amr.errors import ConfigError

Term = Callable[[TermContext], None]

TERMS: Final[dict[str, Term]] = {
    "obstacle": obstacle.add,
    "movers": movers.add,
    "cost_to_go": cost_to_go.add,
    "progress": progress.add,
    "heading": heading.add,
    "goal": goal.add,
    "path": path.add,
    "smoothness": smoothness.add,
    "motion": motion.add,
    "stopping": stopping.add,
}


def load_terms(names: tuple[str, ...]) -> tuple[Term, ...]:
    """The terms of those names, in order; ``module:function`` loads one from outside. Raises ``ConfigError``."""
    return tuple(_load(name) for name in names)


def _load(name: str) -> Term:
    if name in TERMS:
        return TERMS[name]
    module, _, function = name.partition(":")
    if not function:
        raise ConfigError(f"control.mppi.terms: no term is called {name!r}; there are: {', '.join(TERMS)}")
    try:
        term: Term = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"control.mppi.terms: {name!r} cannot be loaded: {error}") from error
    return term
