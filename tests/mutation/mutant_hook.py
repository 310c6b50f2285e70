"""Imports one module with a mutation, and forgets what was imported with the module as it is."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from python_mutants import mutated

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("amr", "firmware_bridge", "sim", "seeds")


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads the source with one change; with number None as it is."""

    number: int | None = None

    def exec_module(self, module: ModuleType) -> None:
        source = Path(self.path).read_text(encoding="utf-8")
        tree = ast.parse(source) if self.number is None else mutated(source, self.number)
        exec(compile(tree, self.path, "exec"), module.__dict__)


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds that one module only."""

    def __init__(self, source: str, number: int | None) -> None:
        self._name, self._path, self._number = module_name(source), str(ROOT / source), number

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._name:
            return None
        loader = MutantLoader(fullname, self._path)
        loader.number = self._number
        return importlib.machinery.ModuleSpec(fullname, loader, origin=self._path)


def module_name(source: str) -> str:
    return source.removesuffix(".py").replace("/", ".")


def install(source: str, number: int | None) -> None:
    """From now on that module has that mutation: it, all that import it, and the tests are imported anew."""
    forget_tests()
    for name in _dependents(module_name(source)):
        _forget(name)
    sys.meta_path.insert(0, MutantFinder(source, number))


def forget_tests() -> None:
    """The modules below ``tests``, except for these."""
    here = Path(__file__).resolve().parent
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and (ROOT / "tests") in Path(path).parents and here not in Path(path).parents:
            _forget(name)


def _forget(name: str) -> None:
    module = sys.modules.pop(name, None)
    package, _, last = name.rpartition(".")
    if module is not None and package in sys.modules:
        vars(sys.modules[package]).pop(last, None)


def _dependents(name: str) -> set[str]:
    """``name`` and every loaded module of the project that imports it, however indirectly."""
    loaded = [each for each in sys.modules if each.partition(".")[0] in PACKAGES]
    found = {name}
    while True:
        more = {each for each in loaded if each not in found and _imports(each) & found}
        if not more:
            return found
        found |= more


@cache
def _imports(name: str) -> frozenset[str]:
    path = getattr(sys.modules[name], "__file__", None)
    if not path:
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)
