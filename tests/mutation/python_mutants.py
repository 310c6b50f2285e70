"""Changes of a Python syntax tree, one at a time, numbered in the order in which the tree is walked."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Mod: ast.FloorDiv,
}  # fmt: skip

_LONG = 1_000_000

Change = tuple[ast.expr | ast.stmt, str, Callable[[], None]]
"""Where, what is changed, and the change, made in place."""


@dataclass(frozen=True)
class PythonMutant:
    """One change, by its number, and the lines of the statement around it."""

    number: int
    line: int
    change: str
    first_line: int
    last_line: int
    in_function: bool
    """False = it acts at import, so any test of the module may see it."""


def changes(tree: ast.AST) -> Iterator[Change]:
    """Every one. Annotations and docstrings are left alone, nothing runs there; so are the decorators' switches."""
    left_alone: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            left_alone |= {id(part) for decorator in node.decorator_list for part in ast.walk(decorator)}
        elif isinstance(node, ast.AnnAssign):
            left_alone |= {id(part) for part in ast.walk(node.annotation)}
    for node in ast.walk(tree):
        if id(node) not in left_alone:
            yield from _of_node(node)


def _of_node(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            new = _COMPARE[type(operator)]
            yield node, f"{_name(operator)} -> {new.__name__} @{node.col_offset}", _set(node.ops, at, new())
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _BINARY:
        if _is_type(node):
            return
        operation = _BINARY[type(node.op)]
        yield node, f"{_name(node.op)} -> {operation.__name__} @{node.col_offset}", _put(node, "op", operation())
    elif isinstance(node, ast.BoolOp):
        swapped: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, f"{_name(node.op)} -> {_name(swapped)} @{node.col_offset}", _put(node, "op", swapped)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, f"not dropped @{node.col_offset}", _drop(node)
    elif isinstance(node, ast.Constant) and not isinstance(node.value, (str, bytes, type(None), type(...))):
        value = _other(node.value)
        yield node, f"{node.value!r} -> {value!r} @{node.col_offset}", _put(node, "value", value)


def _other(value: complex) -> complex:
    """Another constant: one more; twice as much where one more would be a nanosecond or less of a long time."""
    if isinstance(value, bool):
        return not value
    return 2 * value if isinstance(value, int) and value >= _LONG else value + 1


def _is_type(node: ast.AST) -> bool:
    """``int | None`` in a type alias: a name or None on each side of a bar."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitOr)
        and any(isinstance(side, ast.Constant) and side.value is None for side in (node.left, node.right))
    )


def _name(operator: ast.AST) -> str:
    return type(operator).__name__


def _put(node: ast.AST, field: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, field, value)


def _set(items: list[ast.cmpop], at: int, value: ast.cmpop) -> Callable[[], None]:
    return lambda: items.__setitem__(at, value)


def _drop(node: ast.UnaryOp) -> Callable[[], None]:
    """``not x`` becomes ``not not x``."""

    def change() -> None:
        node.operand = ast.copy_location(ast.UnaryOp(ast.Not(), node.operand), node)

    return change


def _without_annotations(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return tree


def mutants(source: str) -> list[PythonMutant]:
    """Every change of a module's source."""
    tree = _without_annotations(ast.parse(source))
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for number, (node, change, _) in enumerate(changes(tree)):
        statement: ast.AST = node
        while not isinstance(statement, ast.stmt):
            statement = parents[id(statement)]
        body = getattr(statement, "body", None)
        last_line = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno or statement.lineno
        around = parents[id(statement)]
        while not isinstance(around, (ast.FunctionDef, ast.Module)):
            around = parents[id(around)]
        in_function = isinstance(around, ast.FunctionDef)
        found.append(PythonMutant(number, node.lineno, change, statement.lineno, last_line, in_function))
    return found


def mutated(source: str, number: int) -> ast.Module:
    """The tree with that change."""
    tree = ast.parse(source)
    _without_annotations(tree)
    _, _, change = list(changes(tree))[number]
    change()
    ast.fix_missing_locations(tree)
    return tree
