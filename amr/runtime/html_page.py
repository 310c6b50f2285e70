"""One self-contained HTML page, light or dark: what all reports are made of."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2330; --dim: #667085; --line: #d9dde5; --page: #ffffff; --good: #2e7d32;
  --bad: #b3123f; --soft: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --dim: #9aa4b5; --line: #333a47; --page: #14171d;
  --good: #7bc67e; --bad: #ff7d9c; --soft: #1c2028; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto;
  max-width: 66rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p.sub { color: var(--dim); margin: 0 0 1.2rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; }
.tile { background: var(--soft); border-radius: .5rem; padding: .6rem .9rem; min-width: 7rem; }
.tile b { display: block; font-size: 1.25rem; } .tile span { color: var(--dim); font-size: .8rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
img { width: 100%; border-radius: .5rem; background: white; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--dim); font-weight: 500; } th, td { padding: .25rem .8rem .25rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } td.n, th.n { text-align: right; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


def page(title: str, sections: Sequence[str]) -> str:
    """The whole page; ``sections`` are HTML."""
    head = f'<meta charset="utf-8"><title>{text_of(title)}</title><style>{STYLE}</style>'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(sections)
    return f'<!doctype html>\n<html lang="en"><head>{head}{view}</head><body>\n{body}\n</body></html>\n'


def table(
    title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], intro: str = "", numbers_from: int = 99
) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        marked = (
            f"<{tag}{' class=n' if index >= numbers_from else ''}>{text_of(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    head = row("th", heads) if any(heads) else ""
    body = "".join(row("td", cells) for cells in rows)
    return f"<h2>{text_of(title)}</h2>{f'<p>{text_of(intro)}</p>' if intro else ''}<table>{head}{body}</table>"


def text_of(text: str) -> str:
    """A text as HTML."""
    return html.escape(text)
