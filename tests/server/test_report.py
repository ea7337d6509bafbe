"""Static reports: their numbers are those of `Analysis`, they are small, and they overwrite nothing else."""

import base64
import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import vulneuron as vn
from served import Served
from vulneuron.errors import RecordError
from vulneuron.measures import MEASURES, SIDES
from vulneuron.server.network import RecordNetwork
from vulneuron.server.report import ReportContents, write_report
from vulneuron.server.report.edges import encode
from vulneuron.server.summary import OpenedRecord

PAIRS = np.array([4, 0, 2])
Bools = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def contents(linear_record: Path) -> ReportContents:
    record = vn.open_record(linear_record)
    return ReportContents(OpenedRecord(record, "run", partial(RecordNetwork, name="run")).at(), PAIRS)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A front end of a few words."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "index.html").write_text('<script src="./a/x.js"></script><link href="./a/x.css">')
    (folder / "a").mkdir()
    (folder / "a" / "x.js").write_text('"</script><!--"')
    (folder / "a" / "x.css").write_text("@font-face { src: url(./f.woff2) }")
    (folder / "a" / "f.woff2").write_bytes(b"font")
    (folder / "icon.svg").write_text("<svg/>")
    return folder


@pytest.fixture(scope="module")
def report(contents: ReportContents, pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reports") / "site"
    write_report(contents, out, "run", pages=pages)
    return out


def _read(file: Path) -> dict[str, Any]:
    """All values of a file, decoded value by value."""
    called = re.fullmatch(r'vulneuronChunk\("([\w-]+)","([\w+/=]+)"\)\n', file.read_text())
    assert called
    assert called[1] == file.stem
    plain = gzip.decompress(base64.b64decode(called[2]))
    (length,) = struct.unpack_from("<I", plain)
    body = plain[4 + length :]
    return {
        name: _decode(body[start : start + size], kind, shape)
        for name, (start, size, kind, shape) in json.loads(plain[4 : 4 + length]).items()
    }


def _decode(value: bytes, kind: str, shape: list[int]) -> Any:
    if kind == "json":
        return json.loads(value)
    if kind == "webp":
        return np.asarray(Image.open(io.BytesIO(value)))
    if kind == "edges":
        return _masks(value, shape)
    width = int(kind[1])
    count = len(value) // width
    whole = bytes(value[plane * count + at] for at in range(count) for plane in range(width))
    return np.frombuffer(whole, f"<{kind}").reshape(shape)


def _masks(value: bytes, shape: list[int]) -> Bools:
    *outer, height, width = shape
    numbers = [int(number) for number in np.frombuffer(value, np.uint8 if width < 256 else "<u2")]
    rows = int(np.prod(outer)) * height
    counts, rest = numbers[:rows], iter(numbers[rows:])
    masks = np.zeros((rows, width), np.bool_)
    before: list[int] = []
    for row, count in enumerate(counts):
        is_relative = row % height > 0 and count == len(before)
        edges: list[int] = []
        for rank in range(count):
            start = before[rank] if is_relative else edges[-1] if edges else 0
            edges.append((start + next(rest)) % (256 if width < 256 else 65536))
        for edge in edges:
            masks[row, edge:] ^= True
        before = edges
    return masks.reshape(shape)


@given(
    arrays(
        np.bool_, st.tuples(st.integers(1, 3), st.integers(1, 5), st.sampled_from([1, 2, 9, 255, 256, 300]))
    )
)
def test_masks_are_those_that_were_encoded(masks: Bools) -> None:
    np.testing.assert_array_equal(_masks(encode(masks), list(masks.shape)), masks)


def test_numbers_of_a_pair_are_those_of_the_analysis(contents: ReportContents, report: Path) -> None:
    analysis, pair = contents.layer.analysis, 2
    data = _read(report / "report" / f"pair-{pair}.js")
    assert data["pair"] == contents.layer.pair(pair).model_dump()
    for variation in (*contents.curves, *contents.overlaps):
        expected = analysis.neurons(pair, settings=variation.settings)
        changed = data["changes"].get(variation.key, [])
        for column, name in enumerate(MEASURES):
            stored = data[f"neurons/{column}" + (f"/{variation.key}" if column in changed else "")]
            np.testing.assert_array_equal(stored, expected[name].to_numpy(np.float64))
    assert {
        value for variation in contents.levels for value in [variation.settings.fields.threshold_level]
    } == {*contents.values["threshold_level"]}
    for place, level in enumerate(contents.levels):
        masks = analysis.masks(pair, settings=level.settings)
        np.testing.assert_array_equal(
            data[f"masks/{place}"], np.stack([masks.benign, masks.adversarial], axis=1)
        )
        tree = analysis.dendrogram(pair, settings=level.settings)
        np.testing.assert_array_equal(data[f"dendrogram/{place}"], tree.linkage)
    for place, side in enumerate(SIDES):
        pixels = contents.layer.pixels.read(np.array([pair]))[0, place]
        np.testing.assert_array_equal(data[f"images/{side}"], pixels)


def test_substitutions_and_context_are_those_of_the_analysis(contents: ReportContents, report: Path) -> None:
    analysis, pair = contents.layer.analysis, 4
    data = _read(report / "report" / f"pair-{pair}.js")
    # Single neurons, and those below each branch.
    assert len(data["sets"]) == 2 * analysis.data.neurons - 1
    for text, of_sides in zip(data["sets"], data["substitutions"], strict=True):
        neurons = [
            n
            for part in text.split(",")
            for n in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)
        ]
        for side, stored in zip(SIDES, of_sides, strict=True):
            effect = analysis.substitute(pair, neurons, into=side)
            expected = [effect.benign_drop, effect.adversarial_gain, int(effect.logits.argmax())]
            np.testing.assert_array_equal(stored[:3], expected)
    for neuron, context in data["context"].items():
        found = analysis.context(pair, int(neuron))
        assert context["pairs"] == found.pairs.tolist()
        masks = analysis.neuron_masks(int(neuron), found.pairs, settings=contents.first)
        np.testing.assert_array_equal(
            data[f"context/{neuron}"], np.stack([masks.benign, masks.adversarial], axis=1)
        )


def test_the_record_of_a_report(contents: ReportContents, report: Path) -> None:
    analysis = contents.layer.analysis
    data = _read(report / "report" / "record.js")
    summary = data["summary"]
    assert summary["report"]["pairs"] == [0, 2, 4]
    assert summary["first_view"]["pair"] == PAIRS[0]
    assert summary["network"]["state"] == "missing"
    # No folder of this machine.
    assert summary["provenance"]["record"] == Path(contents.layer.record.path).name
    np.testing.assert_array_equal(data["pairs"], contents.layer.pair_table)
    np.testing.assert_array_equal(data["matrix"], contents.layer.matrix)
    assert set(PAIRS) <= set(data["thumbnails"]["pairs"])
    # Means over the pairs of the report come first.
    assert next(iter(data["ranked"])) == "0,2,4"
    sort_by = data["ranked"]["0,2,4"][0]
    means = analysis.rank(PAIRS, sort_by=sort_by, settings=contents.first)
    for column, name in enumerate(MEASURES):
        np.testing.assert_array_equal(data[f"means/0/{column}"], means[name].to_numpy(np.float64))
    np.testing.assert_array_equal(data[f"ranks/0/{sort_by}"][0], means["rank"])


def test_a_folder_and_a_file_have_the_same_data(
    contents: ReportContents, report: Path, pages: Path, tmp_path: Path
) -> None:
    written = write_report(contents, tmp_path / "run.html", "run", single_file=True, pages=pages)
    text = written.page.read_text(encoding="utf-8")
    assert written.size == len(text.encode())
    inline = dict(re.findall(r'<script type="text/plain" id="vulneuron-([\w-]+)">([^<]+)</script>', text))
    assert {f"{name}.js" for name in inline} | {"page.js", "page.css"} == {
        file.name for file in (report / "report").iterdir()
    }
    for name, content in inline.items():
        assert content in (report / "report" / f"{name}.js").read_text()
    # What is in a script element cannot end it.
    assert text.count("</script>") == len(inline) + 1
    for page in (text, (report / "index.html").read_text()):
        assert "default-src 'none'" in page
        assert not re.search(r"https?://", page)


def test_only_an_earlier_report_is_overwritten(
    contents: ReportContents, report: Path, pages: Path, tmp_path: Path
) -> None:
    write: Callable[..., object] = partial(write_report, contents, name="run", pages=pages)
    before = (report / "index.html").read_bytes()
    with pytest.raises(RecordError, match="is an earlier report"):
        write(report)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "index.html").write_text("mine")
    with pytest.raises(RecordError, match="exists, and is not a report"):
        write(tmp_path / "notes", overwrite=True)
    assert (tmp_path / "notes" / "index.html").read_text() == "mine"
    (report / "report" / "pair-99.js").write_text("old")
    write(report, overwrite=True)
    assert (report / "index.html").read_bytes() == before
    assert not (report / "report" / "pair-99.js").exists()
    assert [path.name for path in report.parent.iterdir()] == ["site"]
    with pytest.raises(RecordError, match="not built"):
        write_report(contents, tmp_path / "new", "run", pages=tmp_path)
    assert not (tmp_path / "new").exists()
    with pytest.raises(RecordError, match="cannot be written"):
        write(tmp_path / "notes" / "index.html" / "site")


def test_names_stay_text(contents: ReportContents, pages: Path, tmp_path: Path) -> None:
    written = write_report(contents, tmp_path / "r", "<b>&", pages=pages)
    assert "<title>&lt;b&gt;&amp;: 3 pairs</title>" in written.page.read_text()


def test_the_server_makes_a_report(served: Served) -> None:
    pairs = served.client.get("/api/records/some-run/report.zip", params={"pairs": "0,2"})
    assert pairs.headers["content-disposition"] == 'attachment; filename="some-run-report.zip"'
    with zipfile.ZipFile(io.BytesIO(pairs.content)) as archive:
        assert archive.testzip() is None
        names = {Path(name).name for name in archive.namelist()}
    assert names == {"index.html", "page.js", "page.css", "record.js", "pair-0.js", "pair-2.js"}
    assert served.client.get("/api/records/some-run/report.zip", params={"pairs": "999"}).status_code == 404
