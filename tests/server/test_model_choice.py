"""Networks that are loaded automatically: no file that a record names is run."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

import vulneuron as vn
from runs import MODEL_FILE, color_net, color_pictures
from vulneuron import demo
from vulneuron.errors import ModelError
from vulneuron.network import Classifier
from vulneuron.record import Record
from vulneuron.server.library import Library
from vulneuron.server.model_choice import check_models, model_to_load, parse_models
from vulneuron.server.network import RecordNetwork

NAMES = ("a-run", "b-run")
TESTS = str(Path(__file__).parents[1])


DOUBLED = """
def doubled():
    made = net()
    made[-1].weight.data.mul_(2)
    return made
"""


def two_networks(folder: Path) -> Path:
    source = folder / "nets.py"
    source.write_text(MODEL_FILE.format(tests=TESTS) + DOUBLED)
    return source


def record_of(spec: str) -> Record:
    attributes: Any = {"run": {"model": {"spec": spec}}}
    return cast(Record, SimpleNamespace(path="r.zarr", attributes=attributes))


@pytest.mark.parametrize(
    "spec", ["torchvision:resnet18?weights=DEFAULT", "timm:resnet10t?checkpoint=w.safetensors"]
)
def test_built_in_networks(spec: str) -> None:
    assert model_to_load(record_of(spec), None) == spec


def test_demo_is_found_wherever_it_was_made() -> None:
    own = f"{demo.__file__}:demo_model"
    assert model_to_load(record_of(own), None) == own
    assert model_to_load(record_of("/elsewhere/vulneuron/demo.py:demo_model"), None) == own


@pytest.mark.parametrize(
    "spec",
    [
        "/home/me/model.py:net",
        "model.py:net?checkpoint=w.pt",
        "/elsewhere/vulneuron/demo.py:run_demo",
        "demo.py:demo_model",
        "timm:hf-hub:stranger/model?pretrained=true",
        "timm:hf_hub:stranger/model?pretrained=true",
        "timm:local-dir:/elsewhere/stranger",
        "timm:HF-HUB:stranger/model?pretrained=true",
        "timm: hf-hub:stranger/model?pretrained=true",
        "timm:hf-\thub:stranger/model",
        "timm:hf-hub:stranger/model\n",
        "torchvision:/elsewhere/stranger.py",
        "ResNet",
        "",
    ],
)
def test_others_have_to_be_named(spec: str) -> None:
    with pytest.raises(ModelError, match="not loaded automatically") as caught:
        model_to_load(record_of(spec), None)
    assert "--model" in str(caught.value)
    assert model_to_load(record_of(spec), "mine.py:net") == "mine.py:net"


def test_file_of_a_record_is_not_run(linear: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    source = next(linear.parent.glob("*.py"))
    text = source.read_text()
    source.write_text(f"{text}\nopen({str(ran)!r}, 'w').close()\n")
    try:
        library = Library([linear])
        library["colors"].join()
        layer = library["colors"].current().at()
        assert layer.network.status.state == "missing"
        assert not ran.exists()
        named = Library([linear], f"{source}:net")
        named["colors"].join()
        assert named["colors"].current().network.status.state == "ready"
        assert ran.exists()
    finally:
        source.write_text(text)


def test_a_bug_while_it_is_loaded_keeps_no_job_waiting(
    linear: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Classifier:
        raise ZeroDivisionError("secret")

    library = Library([linear], color_net(), network=partial(RecordNetwork, load=broken))
    library["colors"].join()
    missing = library["colors"].current().network
    assert missing.status.state == "missing"
    assert missing.status.message is not None
    assert "ZeroDivisionError" in missing.status.message
    assert "secret" not in missing.status.message
    assert "secret" in caplog.text
    missing.wait(lambda: False)


def test_wrong_network_says_so(linear: Path, caplog: pytest.LogCaptureFixture) -> None:
    net = color_net()
    with torch.no_grad():
        next(net.parameters()).mul_(2)
    library = Library([linear], net)
    library["colors"].join()
    status = library["colors"].current().network.status
    assert status.state == "missing"
    assert status.message is not None
    assert "logits for the first pair differ" in status.message
    assert "logits for the first pair differ" in caplog.text


def test_networks_of_single_records() -> None:
    models = parse_models(
        ["torchvision:resnet18?weights=DEFAULT", "b-run=net.py:load?checkpoint=w.pt"], NAMES
    )
    assert models.default == "torchvision:resnet18?weights=DEFAULT"
    assert models.by_record == {"b-run": "net.py:load?checkpoint=w.pt"}
    assert parse_models([], NAMES).default is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["c=net.py:load"], "a record 'c'. Allowed: NAME=SPEC with one of the names a-run, b-run"),
        (["brun=net.py:load"], "Perhaps you mean b-run"),
        (["net.py:load", "net.py:other"], "two networks for all records"),
        (["a-run=net.py:load", "a-run=net.py:other"], "two networks for the record 'a-run'"),
    ],
)
def test_networks_that_are_given_wrong(given: list[str], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_models(given, NAMES)
    assert message in str(caught.value)


@pytest.mark.slow
def test_each_record_gets_its_own_network(linear: Path, tmp_path: Path) -> None:
    source = two_networks(tmp_path)
    doubled = tmp_path / "doubled.zarr"
    pictures, labels = color_pictures(a_class=10)
    vn.analyze(f"{source}:doubled", pictures, labels, out=doubled)
    paths = {"colors": str(linear), "doubled": str(doubled)}
    given = parse_models([f"{source}:net", f"doubled={source}:doubled"], paths)
    check_models(paths, given)
    library = Library(list(paths.values()), given.default, given.by_record)
    for record in library:
        record.join()
        assert record.current().network.status.state == "ready"
    library.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["colors={source}:doubled"], "logits for the first pair differ"),
        (["{source}:net", "colors={source}:net"], "there is none"),
    ],
)
def test_networks_are_checked_before_anything_is_served(
    linear: Path, tmp_path: Path, given: list[str], message: str
) -> None:
    source = two_networks(tmp_path)
    models = parse_models([text.format(source=source) for text in given], ["colors"])
    with pytest.raises(ModelError, match=message):
        check_models({"colors": str(linear)}, models)
