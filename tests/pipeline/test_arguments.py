"""Arguments of `analyze` in types of other libraries: integers are accepted, anything else is refused."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vulneuron as vn
from runs import CLASS_NAMES, color_net, color_pictures
from vulneuron.errors import VulneuronError


@pytest.mark.parametrize("integer", [np.int64, np.uint8, torch.tensor], ids=["int64", "uint8", "tensor"])
def test_integers_of_numpy_and_pytorch(tmp_path: Path, integer: Any) -> None:
    pictures, labels = color_pictures(4)
    record = vn.analyze(
        color_net(),
        pictures,
        labels,
        out=tmp_path / "r.zarr",
        class_names=CLASS_NAMES,
        seed=integer(3),
        limit=integer(2),
        most_attacked=integer(3),
        batch_size=integer(4),
        image_size=integer(10),
        attack=vn.PGD(steps=integer(3)),
        target=integer(1),
    )
    run = json.loads(json.dumps(dict(record.attributes)))["run"]
    assert (run["seed"], run["selection"]["limit"], run["selection"]["most_attacked"]) == (3, 2, 3)
    assert run["attack"]["target"] == 1
    assert record.attributes["image_shape"] == [3, 10, 10]
    same = vn.analyze(
        color_net(), pictures, labels, out=record.path, class_names=CLASS_NAMES,
        seed=3, limit=2, most_attacked=3, image_size=(10, 10), attack=vn.PGD(steps=3), target="green",
    )  # fmt: skip
    assert same.attributes == record.attributes


@pytest.mark.parametrize("size", [np.array([10, 12]), [np.int32(10), 12], (10, 12), torch.Size([10, 12])])
def test_sizes_of_images(tmp_path: Path, size: Any) -> None:
    pictures, labels = color_pictures(2, wrong=0)
    record = vn.analyze(color_net(), pictures, labels, out=tmp_path / "r.zarr", image_size=size)
    assert record.attributes["image_shape"] == [3, 10, 12]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"limit": 2.5}, "the limit is 2.5. Allowed: an integer from 1"),
        ({"limit": np.float64(2)}, "the limit is "),
        ({"limit": True}, "the limit is True"),
        ({"limit": "many"}, "the limit is 'many'"),
        ({"most_attacked": 0.5}, "the number of most attacked classes is 0.5"),
        ({"seed": None}, "the seed is None. Allowed: an integer from 0"),
        ({"seed": 1.0}, "the seed is 1.0"),
        ({"seed": np.int64(-1)}, "the seed is "),
        ({"batch_size": 8.5}, "the batch size is 8.5"),
        ({"batch_size": np.int64(0)}, "the batch size is "),
        ({"image_size": 12.5}, "the image size is 12.5"),
        ({"image_size": (12, None)}, "the image size is"),
        ({"image_size": "12"}, "the image size is '12'"),
        ({"image_size": 12, "resize": "big"}, "the resize is 'big'"),
        ({"out": None}, "out is None. Allowed: a path or URL"),
        ({"out": ""}, "out is ''"),
        ({"out": 3}, "out is 3"),
        ({"classes": 7}, "class '7' is unknown"),
        ({"target": 1.5}, "given target = 1.5"),
    ],
    ids=str,
)
def test_other_values_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures, labels = color_pictures(2)
    with pytest.raises(VulneuronError) as caught:
        vn.analyze(color_net(), pictures, labels, **{"out": "r.zarr", "class_names": CLASS_NAMES, **argument})
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "names",
    [[10, 20, 30], np.array([10, 20, 30]), range(10, 31, 10)],
    ids=["list", "array", "range"],
)
def test_integer_class_names(tmp_path: Path, names: Any) -> None:
    pictures, labels = color_pictures(4)
    classes: Any = [np.int64(20), 30]
    record = vn.analyze(
        color_net(), pictures, labels, out=tmp_path / "r.zarr", class_names=names, classes=classes
    )
    assert record.class_names == ("10", "20", "30")
    assert set(record.pairs["benign_label"]) == {"20", "30"}
    assert vn.open_record(record.path).validate().sound


@pytest.mark.parametrize(
    "number", [np.float32, np.float64, Fraction, torch.tensor], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize("attack", [vn.PGD, vn.FGSM])
def test_epsilons_of_other_libraries(attack: Any, number: Any) -> None:
    eps = attack(eps=number(0.03125)).parameters()["eps"]
    assert eps == attack(eps=0.03125).parameters()["eps"] == "0.03125"


def test_epsilon_in_float32_has_its_own_value() -> None:
    attack = vn.PGD(eps=np.float32(0.03), step_size=np.float32(0.01))  # type: ignore[arg-type]
    assert (type(attack.eps), attack.eps) == (float, float(np.float32(0.03)))
    json.dumps(attack.parameters())


@pytest.mark.parametrize("eps", [np.bool_(True), "8/255", np.array([0.1]), None, np.float32("nan")])
def test_other_epsilons_are_refused(eps: Any) -> None:
    with pytest.raises(VulneuronError, match="given eps"):
        vn.PGD(eps=eps)
