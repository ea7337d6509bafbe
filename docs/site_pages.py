"""Generates pages of the documentation site: the API reference, and files outside `docs/`.

An MkDocs hook. The API reference has a page for each name in ``vulneuron.__all__``.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
SOURCE = "https://github.com/vulneuron/vulneuron/blob/main"
#: Pages of the site that are files outside `docs/`.
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/cifar10/section_6_1.ipynb": "section_6_1.ipynb",
}
#: Public modules besides the package itself.
MODULES = ("plots", "testing")
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)")


@dataclass(frozen=True)
class Entry:
    """A public name, the dotted path of its definition, and the first sentence of its docstring."""

    name: str
    path: str
    kind: str
    summary: str

    @property
    def page(self) -> str:
        """Path of its page below `docs/`."""
        return f"api/{self.name}.md"


def public_entries(source: Path, package: str = "vulneuron") -> list[Entry]:
    """The public classes and functions of a package, then its public modules.

    Parameters
    ----------
    source
        The folder that contains the package.
    package
        Its name.

    Raises
    ------
    ValueError
        If ``__all__`` is not a list of literal names, which can be read from the source.
    """
    module = griffe.load(package, search_paths=[source], resolve_aliases=True)
    assert isinstance(module, griffe.Module)
    if not module.exports:
        raise ValueError(f"{package}.__all__ is not a list of names; the API reference needs one")
    names = sorted((str(name) for name in module.exports if not str(name).startswith("_")), key=str.casefold)
    entries = [_entry(module, name) for name in names]
    modules = [_entry(module, name) for name in MODULES if name in module.modules]
    classes, functions = ([one for one in entries if one.kind == kind] for kind in ("class", "function"))
    return [*classes, *functions, *modules]


def _entry(module: griffe.Module, name: str) -> Entry:
    member = module[name]
    if name in (module.exports or ()) and member.is_module:
        # A function with the same name as its module, such as `pipeline.analyze.analyze`.
        member = member[name]
    summary = member.docstring.value.partition("\n\n")[0] if member.docstring else ""
    return Entry(name, member.canonical_path, member.kind.value, " ".join(summary.split()))


def entry_page(entry: Entry) -> str:
    """Markdown of the page of a public name."""
    return f"---\ntitle: {entry.name}\n---\n\n::: {entry.path}\n"


def index_page(entries: Iterable[Entry]) -> str:
    """Markdown of the first page of the API reference: all public names by kind."""
    sections = {"class": "Classes", "function": "Functions", "module": "Modules"}
    lines = ["# API", "", "All of these are public; see [what stays stable](../stability.md).", ""]
    for kind, title in sections.items():
        rows = [f"| [`{one.name}`]({one.name}.md) | {one.summary} |" for one in entries if one.kind == kind]
        lines += [f"## {title}", "", "| name | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def relocate_links(markdown: str, origin: str, page: str) -> str:
    """Adapt the relative links of a file in the repository to a page of the site.

    Parameters
    ----------
    markdown
        Content of the file.
    origin
        Path of the file in the repository.
    page
        Path of the page below `docs/`. Links to files outside the site point to the repository.
    """

    def relocate(match: re.Match[str]) -> str:
        target = os.path.normpath(Path(origin).parent / match[1])
        in_site = OUTSIDE.get(target) or (
            target.removeprefix("docs/") if target.startswith("docs/") else None
        )
        if in_site:
            return os.path.relpath(in_site, Path(page).parent)
        return f"{SOURCE}/{target}" if (ROOT / target).exists() else match[1]

    return _LINK.sub(relocate, markdown)


@event_priority(100)  # before the plugin that turns notebooks into pages
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site, and the API reference to its navigation."""
    for origin, page in OUTSIDE.items():
        file = File(page, str((ROOT / origin).parent), config.site_dir, config.use_directory_urls)
        file.abs_src_path = str(ROOT / origin)
        files.append(file)
    entries = public_entries(ROOT / "src")
    files.append(File.generated(config, "api/index.md", content=index_page(entries)))
    for entry in entries:
        files.append(File.generated(config, entry.page, content=entry_page(entry)))
    for section in config.nav or ():
        if "API" in section:
            section["API"] = ["api/index.md", *(entry.page for entry in entries)]
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adapt the links of a page."""
    uri = page.file.src_uri
    if uri.startswith("api/"):
        return markdown
    origin = next((origin for origin, target in OUTSIDE.items() if target == uri), f"docs/{uri}")
    return relocate_links(markdown, origin, uri)
