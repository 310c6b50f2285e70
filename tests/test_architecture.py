"""The import table and the naming of units, kept by reading the syntax tree."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GROUND = {
    "units",
    "errors",
    "geometry",
    "portable_math",
    "kinematics",
    "grid",
    "messages",
    "config",
    "jit",
    "jit_words",
    "state",
    "movers",
    "polygons",
    "wheel_slide",
}
STAGES = {"calibration", "estimation", "mapping", "tracking", "localization", "planning", "control", "mission"}
STANDARD = set(sys.stdlib_module_names)
FORBIDDEN_BELOW_RUNTIME = {"time", "random", "threading", "multiprocessing", "socket", "subprocess", "asyncio"}

SOURCES = sorted(path for top in ("amr", "firmware_bridge", "sim") for path in (ROOT / top).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            # "from amr import units" imports amr.units
            if node.module in {"amr", "firmware_bridge", "sim"}:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def layer_of(path: Path) -> str:
    """First folder or module name below the top-level package, or the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if len(parts) > 1 else parts[0]


def allowed(path: Path, module: str) -> bool:
    """True when the table in ARCHITECTURE.md lets ``path`` import ``module``."""
    package, layer = path.relative_to(ROOT).parts[0], layer_of(path)
    top, *rest = module.split(".")
    if top in STANDARD or top == "numpy" or module == "amr":
        return True
    ground = top == "amr" and bool(rest) and rest[0] in GROUND
    if package == "firmware_bridge":
        return top == "firmware_bridge" or ground or (top == "serial" and path.name == "transport.py")
    if package == "sim":
        return (
            top in {"sim", "firmware_bridge", "pydantic", "scipy"}
            or ground
            or module == "amr.runtime.protocols"
            or (top == "amr" and rest == ["kernels", "trig"])
            or (top == "pybullet" and path.name == "bullet.py")
        )
    if layer in GROUND | {"__init__"}:
        compiles = (top == "numba" and layer in {"jit", "jit_words"}) or (top == "llvmlite" and layer == "jit_words")
        return ground or (top == "pydantic" and layer == "config") or compiles
    kernels = top == "amr" and rest[:1] == ["kernels"]
    if layer == "kernels":
        return kernels or ground
    if layer == "safety":
        return ground or (top == "amr" and rest[:1] == ["safety"])
    if layer in STAGES:
        own = top == "amr" and rest[:1] == [layer]
        sibling_base = top == "amr" and len(rest) == 2 and rest[0] in STAGES and rest[1] == "base"
        return ground or kernels or own or sibling_base or top == "scipy"
    if layer in {"robot", "registry"}:
        return top == "amr" and rest[0] not in {"runtime", "web", "cli"}
    return True  # runtime, web, cli


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_imports_only_what_the_table_allows(path: Path) -> None:
    wrong = sorted(module for module in imports_of(path) if not allowed(path, module))
    assert not wrong, f"{path.relative_to(ROOT)} must not import {wrong}"


def test_pyserial_and_pybullet_stay_in_one_file_each() -> None:
    for library, home in (("serial", "firmware_bridge/transport.py"), ("pybullet", "sim/bullet.py")):
        users = {str(p.relative_to(ROOT)) for p in SOURCES if any(m.split(".")[0] == library for m in imports_of(p))}
        assert users <= {home}


def below_runtime(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    return relative.parts[0] == "amr" and layer_of(path) not in {"runtime", "web", "cli"}


@pytest.mark.parametrize("path", [p for p in SOURCES if below_runtime(p)], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_below_runtime_touches_clock_files_threads_or_global_randomness(path: Path) -> None:
    assert not {m.split(".")[0] for m in imports_of(path)} & FORBIDDEN_BELOW_RUNTIME
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input"}, f"line {node.lineno}"
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            assert text not in {"os.environ", "os.getenv"}, f"line {node.lineno}"
            if text.startswith("np.random."):
                assert text in {"np.random.default_rng", "np.random.Generator"}, f"line {node.lineno}"


SUFFIXES = (
    "_m", "_mps", "_mps2", "_rad", "_radps", "_radps2", "_s", "_hz", "_v", "_a", "_frac", "_kg", "_kgm2", "_nm",
    "_ohm", "_duty", "_m2", "_px", "_ms",
)  # fmt: skip
UNITLESS = {"cost", "friction", "scale", "weight", "temperature", "x", "y"}
MESSAGE_FILES = [
    ROOT / "amr" / "messages.py",
    ROOT / "amr" / "grid.py",
    *sorted((ROOT / "amr" / "config").glob("*.py")),
]


def float_fields(path: Path) -> list[tuple[int, str]]:
    """(line, name) of the annotated class fields whose type holds a plain float."""
    number_types = {"float", "Positive", "NotNegative", "Fraction", "Point"}
    fields = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    names = {n.id for n in ast.walk(item.annotation) if isinstance(n, ast.Name)}
                    if names & number_types:
                        fields.append((item.lineno, item.target.id))
    return fields


def has_unit(name: str) -> bool:
    if "_per_" in name or name.endswith(("_scale", "_weight", "_sigma", "_factor", "_ratio")) or name in UNITLESS:
        return True
    return name.endswith(SUFFIXES)


@pytest.mark.parametrize("path", MESSAGE_FILES, ids=lambda path: path.name)
def test_float_fields_of_messages_and_config_carry_a_unit(path: Path) -> None:
    wrong = [f"{path.name}:{line} {name}" for line, name in float_fields(path) if not has_unit(name)]
    assert not wrong, "no unit suffix: " + ", ".join(wrong)


def test_the_unit_rule_itself_refuses_a_bare_name() -> None:
    assert not has_unit("speed")
    assert has_unit("speed_mps")
