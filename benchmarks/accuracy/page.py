"""One HTML page of tables and pictures that needs no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from matplotlib.figure import Figure

from benchmarks.accuracy.drawing import FOUND, SEEN, TRUE, png
from benchmarks.accuracy.rows import Rows

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1250px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;font-size:13px;margin:.5em 0 1.5em}
th,td{padding:.25em .6em;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
div.wide{overflow-x:auto} img{max-width:100%} h2{margin-top:2em}
"""


@dataclass
class Page:
    """Tables and pictures in the order in which they are added."""

    title: str
    _parts: list[str] = field(default_factory=list)

    def table(self, rows: Rows) -> None:
        """Add a table under its title."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in rows.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows.body
        )
        self._parts.append(
            f"<p>{escape(rows.title)}</p><div class=wide><table><tr>{head}</tr>{body}</table></div>"
        )

    def tables(self, parts: Sequence[Rows]) -> None:
        """Add several."""
        for rows in parts:
            self.table(rows)

    def heading(self, words: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(words)}</h2>")

    def picture(self, figure: Figure, words: str) -> None:
        """Add a picture under what is to be seen on it."""
        self._parts.append(f"<p>{escape(words)}</p><img alt='' src='{png(figure)}'>")

    def text(self) -> str:
        """The whole page."""
        key = " ".join(
            f"<span style='color:{colour}'>■</span> {words}"
            for colour, words in ((TRUE, "reference"), (SEEN, "2D input"), (FOUND, "lifted"))
        )
        return (
            f"<!doctype html><meta charset=utf-8><title>{escape(self.title)}</title>"
            f"<style>{_STYLE}</style><h1>{escape(self.title)}</h1><p>{key}</p>"
            + "\n".join(self._parts)
            + "\n"
        )
