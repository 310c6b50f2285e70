"""Changes of a Python syntax tree, one at a time, numbered in the order in which the tree is walked."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.Mod: ast.FloorDiv,
}  # fmt: skip

Change = tuple[int, str, Callable[[], None]]
"""Line, what is changed, and the change, made in place."""


def changes(tree: ast.AST) -> Iterator[Change]:
    """Every one. Annotations and docstrings are left alone, nothing runs there; so are the decorators' switches."""
    left_alone: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            left_alone |= {id(part) for decorator in node.decorator_list for part in ast.walk(decorator)}
    for node in ast.walk(tree):
        if id(node) not in left_alone:
            yield from _of_node(node)


def _of_node(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            new = _COMPARE[type(operator)]
            yield node.lineno, f"{_name(operator)} -> {new.__name__} @{node.col_offset}", _set(node.ops, at, new())
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _BINARY:
        if _is_type(node):
            return
        operation = _BINARY[type(node.op)]
        yield node.lineno, f"{_name(node.op)} -> {operation.__name__} @{node.col_offset}", _put(node, "op", operation())
    elif isinstance(node, ast.BoolOp):
        swapped: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node.lineno, f"{_name(node.op)} -> {_name(swapped)} @{node.col_offset}", _put(node, "op", swapped)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.lineno, f"not dropped @{node.col_offset}", _drop(node)
    elif isinstance(node, ast.Constant) and not isinstance(node.value, (str, bytes, type(None), type(...))):
        value = (not node.value) if isinstance(node.value, bool) else node.value + 1
        yield node.lineno, f"{node.value!r} -> {value!r} @{node.col_offset}", _put(node, "value", value)


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


def count_mutants(source: str) -> int:
    """How many there are."""
    return sum(1 for _ in changes(_without_annotations(ast.parse(source))))


def describe(source: str, number: int) -> tuple[int, str]:
    """(line, what is changed) of one."""
    line, text, _ = list(changes(_without_annotations(ast.parse(source))))[number]
    return line, text


def mutated(source: str, number: int) -> ast.Module:
    """The tree with that change."""
    tree = copy.deepcopy(ast.parse(source))
    _without_annotations(tree)
    _, _, change = list(changes(tree))[number]
    change()
    ast.fix_missing_locations(tree)
    return tree
