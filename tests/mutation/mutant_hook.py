"""A pytest plugin: with ``AMR_MUTANT=path/of/module.py:number`` that module is imported with that mutation."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from pathlib import Path
from types import ModuleType

from python_mutants import mutated

ROOT = Path(__file__).resolve().parents[2]


class MutantLoader(importlib.machinery.SourceFileLoader):
    """Loads the source with one change."""

    def exec_module(self, module: ModuleType) -> None:
        tree = mutated(Path(self.path).read_text(encoding="utf-8"), NUMBER)
        exec(compile(tree, self.path, "exec"), module.__dict__)


class MutantFinder(importlib.abc.MetaPathFinder):
    """Finds that one module only."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != MODULE:
            return None
        return importlib.machinery.ModuleSpec(
            fullname, MutantLoader(fullname, str(ROOT / FILE)), origin=str(ROOT / FILE)
        )


FILE, _, number_text = os.environ["AMR_MUTANT"].partition(":")
NUMBER = int(number_text)
MODULE = FILE.removesuffix(".py").replace("/", ".")
sys.meta_path.insert(0, MutantFinder())
