"""The documentation: its site builds without a warning and is complete, and the code of its how-tos runs."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch

import vulneuron as vn
from docstring_math import with_delimiters, with_mathml
from runs import CLASS_NAMES, color_net, color_pictures
from site_pages import entry_page, index_page, public_entries, relocate_links
from vulneuron import plots

ROOT = Path(__file__).parents[1]
HOW_TOS = sorted((ROOT / "docs" / "how-to").glob("*.md"))
NAMES = [name for name in vn.__all__ if not name.startswith("_")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as for publishing: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


class Loaded(HTMLParser):
    """Collects the addresses that a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in {"script", "img", "iframe", "source"}:
            self.addresses.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") not in {"canonical", "next", "prev", "edit"}:
            self.addresses.append(values.get("href") or "")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_has_a_page(site: Path, name: str) -> None:
    page = (site / "api" / name / "index.html").read_text()
    heading = re.search(r"<h1.*?</h1>", page, re.DOTALL)
    assert heading is not None
    kind = "class" if isinstance(getattr(vn, name), type) else "function"
    assert f"doc-symbol-{kind}" in heading.group()
    assert f'href="{name}/"' in (site / "api" / "index.html").read_text()


@pytest.mark.slow
def test_plots_are_documented(site: Path) -> None:
    page = (site / "api" / "plots" / "index.html").read_text()
    assert all(f"vulneuron.plots.{name}" in page for name in plots.__all__)


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(NAMES) + len(HOW_TOS)
    for path in pages:
        page = Loaded()
        page.feed(path.read_text())
        assert not [address for address in page.addresses if re.match(r"(https?:)?//", address)], path


@pytest.mark.slow
def test_formulas_are_drawn(site: Path) -> None:
    page = (site / "api" / "FGSM" / "index.html").read_text()
    assert page.count("<math") > 2
    assert ":math:" not in page
    assert ".. math::" not in page


def test_a_new_public_name_gets_a_page(tmp_path: Path) -> None:
    package = tmp_path / "sample"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from sample.things import Thing, lookup\nfrom sample.make import make\n"
        '__all__ = ["Thing", "__version__", "lookup", "make"]\n__version__ = "1"\n'
    )
    (package / "things.py").write_text(
        'class Thing:\n    """A thing.\n\n    At length.\n    """\n\n'
        'def lookup():\n    """Find a\n    thing."""\n'
    )
    (package / "make.py").write_text('def make():\n    """Make."""\n')
    (package / "plots.py").write_text('"""Pictures."""\n')
    entries = public_entries(tmp_path, "sample")
    assert [(one.name, one.kind, one.summary) for one in entries] == [
        ("Thing", "class", "A thing."),
        ("lookup", "function", "Find a thing."),
        ("make", "function", "Make."),
        ("plots", "module", "Pictures."),
    ]
    assert entry_page(entries[2]).endswith("::: sample.make.make\n")
    assert "| [`lookup`](lookup.md) | Find a thing. |" in index_page(entries)


def test_public_names_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").write_text("__all__ = sorted(globals())\n")
    with pytest.raises(ValueError, match=r"sample.__all__ is not a list of names"):
        public_entries(tmp_path, "sample")


@pytest.mark.parametrize(
    ("origin", "page", "link", "expected"),
    [
        ("README.md", "index.md", "docs/measures.md#bands", "measures.md#bands"),
        ("README.md", "index.md", "CHANGELOG.md", "changelog.md"),
        (
            "docs/how-to/x.md",
            "how-to/x.md",
            "../../CONTRIBUTING.md#an-attack",
            "../contributing.md#an-attack",
        ),
        ("docs/how-to/x.md", "how-to/x.md", "../measures.md", "../measures.md"),
        (
            "docs/design.md",
            "design.md",
            "../examples/cifar10/section_6_1.ipynb",
            "section_6_1.ipynb",
        ),
        (
            "README.md",
            "index.md",
            "CITATION.cff",
            "https://github.com/vulneuron/vulneuron/blob/main/CITATION.cff",
        ),
        ("README.md", "index.md", "missing.md", "missing.md"),
        ("README.md", "index.md", "https://example.org/a", "https://example.org/a"),
        ("README.md", "index.md", "#words", "#words"),
    ],
)
def test_links_hold_on_the_site(origin: str, page: str, link: str, expected: str) -> None:
    assert relocate_links(f"see [it]({link})", origin, page) == f"see [it]({expected})"


def test_formulas() -> None:
    text = with_delimiters("With :math:`x_1`:\n\n    .. math::\n        y\n        = 2\n\n    and more\n")
    assert text == "With \\(x_1\\):\n\n    \\[ y = 2 \\]\n\n    and more\n"
    page = with_mathml(r'<p><span class="arithmatex">\(a &lt; b\)</span></p>')
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">' in page
    assert "<mo>&#x0003C;</mo>" in page


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Names that the code of a how-to may use."""
    pictures, labels = color_pictures()
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    path = tmp_path_factory.mktemp("how-to") / "run.zarr"
    vn.analyze(color_net(), images, labels, out=path, class_names=CLASS_NAMES, progress=False)
    return {"images": images, "labels": torch.from_numpy(labels), "path": path}


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_code_runs(
    page: Path, objects: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks with a title are files or notebook cells, and do not run."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"model": color_net(), **objects}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        exec(compile(block, str(page), "exec"), names)  # noqa: S102  our own documentation
