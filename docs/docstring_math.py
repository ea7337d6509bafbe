"""Converts formulas in docstrings to MathML, which browsers draw without a script or fonts.

Docstrings use the syntax of Sphinx, ``:math:`x``` and ``.. math::``. As a Griffe extension, this module
replaces it by delimiters that `pymdownx.arithmatex` protects from Markdown. As an MkDocs hook, it converts
the formulas between them.
"""

import html
import re
import textwrap

import griffe
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_INLINE = re.compile(r":math:`([^`]+)`")
_BLOCK = re.compile(r"^( *)\.\. math::[ ]*\n\n?((?:\1 +\S.*(?:\n|\Z))+)", re.MULTILINE)
_RENDERED = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def with_delimiters(docstring: str) -> str:
    r"""Replace roles and directives by ``\(...\)`` and ``\[...\]``."""

    def block(match: re.Match[str]) -> str:
        formula = " ".join(textwrap.dedent(match[2]).split())
        return f"{match[1]}\\[ {formula} \\]\n"

    return _INLINE.sub(r"\\(\1\\)", _BLOCK.sub(block, docstring))


def with_mathml(page: str) -> str:
    """Replace the formulas of a rendered page by MathML."""

    def formula(match: re.Match[str]) -> str:
        display = "inline" if match[2] == "(" else "block"
        return convert(html.unescape(match[3]).strip(), display=display)

    return _RENDERED.sub(formula, page)


class DocstringMath(griffe.Extension):
    """Griffe extension that rewrites each docstring."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring:
            obj.docstring.value = with_delimiters(obj.docstring.value)


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Convert the formulas of a page."""
    return with_mathml(content)
