"""What is broken, and that nothing else is."""

from __future__ import annotations

import ast
import textwrap

from c_mutants import c_mutants
from python_mutants import mutants, mutated

SOURCE = textwrap.dedent(
    '''
    """1 + 1 in a docstring."""
    LIMIT: int | None = 3

    def over(value: int | None = None) -> bool:
        return (
            value is not None
            and value > LIMIT
        )
    '''
)


def test_every_mutant_has_its_statement_and_annotations_have_none() -> None:
    found = [(each.change, each.first_line, each.last_line, each.in_function) for each in mutants(SOURCE)]
    assert found == [
        ("3 -> 4 @20", 3, 3, False),
        ("And -> Or @8", 6, 9, True),
        ("IsNot -> Is @8", 6, 9, True),
        ("Gt -> GtE @12", 6, 9, True),
    ]


def test_a_mutated_tree_differs_in_that_place_only() -> None:
    before = ast.unparse(ast.parse(SOURCE))
    after = ast.unparse(mutated(SOURCE, 3))
    assert after == before.replace("value > LIMIT", "value >= LIMIT").replace(": int | None=None) -> bool", "=None)")


def test_c_is_broken_outside_of_comments_preprocessor_and_signs() -> None:
    text = "#define N 3\n/* a < b */\nif (a < -1 && p->x) { x += 2U; }\n"
    assert [(each.line, each.old, each.new) for each in c_mutants(text)] == [
        (2, "<", "<="), (2, "1", "2"), (2, "&&", "||"), (2, "+=", "-="), (2, "2U", "3U"),
    ]  # fmt: skip
