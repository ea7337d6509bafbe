"""Spec strings."""

import pytest

from vulneuron.errors import ImagesError, ModelError, did_you_mean, one_line
from vulneuron.inputs.specs import parse_spec

ALLOWED = ("checkpoint", "num_classes", "pretrained")


def test_a_spec_is_split_into_target_and_options() -> None:
    spec = parse_spec("timm:net.v1?checkpoint=/a+b/c%20=d.pt&num_classes=7", allowed=ALLOWED, kind=ModelError)
    assert spec.target == "timm:net.v1"
    assert spec.options == {"checkpoint": "/a+b/c%20=d.pt", "num_classes": "7"}
    assert spec.number("num_classes") == 7
    assert spec.number("absent") is None
    assert parse_spec("net", allowed=ALLOWED, kind=ModelError).options == {}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("False", False), ("no", False)])
def test_flags_are_read(text: str, value: bool) -> None:
    assert parse_spec(f"net?pretrained={text}", allowed=ALLOWED, kind=ModelError).flag("pretrained") is value
    assert parse_spec("net", allowed=ALLOWED, kind=ModelError).flag("pretrained") is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "net?chekpoint=a",  # codespell:ignore
            r"'chekpoint=a' .* Allowed: checkpoint=.*, each once\. Perhaps you mean checkpoint\.",
        ),
        ("net?zzz=a", r"'zzz=a' .* Leave it out"),
        ("net?checkpoint=", r"'checkpoint='"),
        ("net?checkpoint", r"'checkpoint' in 'net\?checkpoint'"),
        ("net?num_classes=1&num_classes=2", r"'num_classes=2' twice"),
        ("net?&", r"option '' "),
    ],
)
def test_bad_options_are_refused(text: str, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        parse_spec(text, allowed=ALLOWED, kind=ImagesError)


@pytest.mark.parametrize("value", ["0", "-3", "ten", "1.5", "²"])
def test_bad_numbers_are_refused(value: str) -> None:
    spec = parse_spec(f"net?num_classes={value}", allowed=ALLOWED, kind=ModelError)
    with pytest.raises(ModelError, match=rf"num_classes={value} .* Allowed: a positive integer\. Write"):
        spec.number("num_classes")


def test_a_bad_flag_is_refused() -> None:
    spec = parse_spec("net?pretrained=perhaps", allowed=ALLOWED, kind=ModelError)
    with pytest.raises(ModelError, match=r"pretrained=perhaps .* Allowed: true or false\. Write"):
        spec.flag("pretrained")


def test_close_names_are_suggested_ignoring_case() -> None:
    assert did_you_mean("cifar_10", ["CIFAR10", "MNIST"]) == "perhaps you mean CIFAR10"
    assert did_you_mean("xyz", ["CIFAR10", "MNIST"]) == ""


def test_exceptions_become_one_short_line() -> None:
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert len(one_line(ValueError("x" * 5000))) < 400
