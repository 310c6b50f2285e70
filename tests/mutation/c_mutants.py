"""Changes of a C file, one token at a time, and the library that has one of them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.native_build import build_number

CORE = Path(__file__).resolve().parents[2] / "firmware_bridge" / "firmware" / "core"
NATIVE = CORE.parent / "boards" / "native" / "native.c"
COMPILE = ("cc", "-fPIC", "-O1", "-w", f"-I{CORE}", f"-DFW_BUILD={build_number()}U")

_SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-", "-": "+",
    "+=": "-=", "&": "|", "true": "false", "false": "true",
}  # fmt: skip
_TOKEN = re.compile(r"(<=|>=|==|!=|&&|\|\||\+=|->|\+\+|--|<<|>>|\b\d+U?L?\b|\b[A-Za-z_]\w*\b|[<>+&-])")


@dataclass(frozen=True)
class CMutant:
    """One token of a C file replaced."""

    line: int
    start: int
    old: str
    new: str


def c_mutants(text: str) -> Iterator[CMutant]:
    """Every one, outside of comments, the preprocessor and constant tables' types."""
    bare = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.DOTALL)
    for number, line in enumerate(bare.splitlines()):
        if line.lstrip().startswith("#"):
            continue
        for match in _TOKEN.finditer(line):
            token = match[0]
            unary = token in "+-&" and re.search(r"[(,=?:&|<>+*-]\s*$|return\s*$|^\s*$", line[: match.start()])
            if token in _SWAPS and not unary:
                yield CMutant(number, match.start(), token, _SWAPS[token])
            elif token[0].isdigit() and not re.search(r"\[\s*$", line[: match.start()]):
                digits = re.match(r"\d+", token)
                assert digits is not None
                yield CMutant(number, match.start(), token, f"{int(digits[0]) + 1}{token[digits.end() :]}")


class Builder:
    """Builds the firmware's library in ``folder``; all but the mutated file are compiled once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, Path] = {}

    def build(self, source: str, mutant: CMutant | None) -> Path | None:
        """The library with this mutant of that file of the core, None when it does not compile."""
        text = (CORE / source).read_text()
        if mutant is not None:
            lines = text.splitlines(keepends=True)
            line = lines[mutant.line]
            lines[mutant.line] = line[: mutant.start] + mutant.new + line[mutant.start + len(mutant.old) :]
            text = "".join(lines)
        changed = self._folder / source
        changed.write_text(text)
        others = [self._object(path) for path in (*sorted(CORE.glob("*.c")), NATIVE) if path.name != source]
        library = self._folder / "mutant.so"
        library.unlink(missing_ok=True)
        command = [*COMPILE, "-shared", "-o", str(library), str(changed), *map(str, others)]
        built = subprocess.run(command, capture_output=True, check=False)
        return library if built.returncode == 0 else None

    def _object(self, path: Path) -> Path:
        if path.name not in self._objects:
            made = self._folder / f"{path.stem}.o"
            subprocess.run([*COMPILE, "-c", "-o", str(made), str(path)], check=True)
            self._objects[path.name] = made
        return self._objects[path.name]
