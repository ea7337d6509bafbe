"""The provenance of a record in words, for the dialog about the record."""

from collections.abc import Mapping
from typing import Any

#: Facts that the page states elsewhere, and the long report of the network's probe.
_ELSEWHERE = frozenset(
    {
        "pairs",
        "images",
        "correct",
        "attacked",
        "successes",
        "clean accuracy",
        "attack success rate",
        "robust accuracy",
        "audit attacked",
        "audit successes",
        "audit flags",
        "findings",
        "groups",
        "model probe",
    }
)
#: Keys of the run's attributes, joined by spaces. Facts with the same first word are shown as a group.
_WORDS = {
    "path": "record",
    "complete": "finished",
    "schema": "version of the schema",
    "survive 8bit": "pairs that survive rounding to 8 bits",
    "benign label count": "classes with pairs",
    "image shape": "channels, height and width of an image",
    "model spec": "model given as",
    "model digest": "model digest of the weights",
    "model architecture": "model digest of the architecture",
    "images from spec": "images given as",
    "images from fingerprint": "images fingerprint",
    "images from count": "images number",
    "images from preprocessing": "images preprocessing",
    "images from labels": "images labels",
    "attack eps": "attack budget ε",
    "audit checked": "audit images checked",
    "audit zero gradients": "audit images with zero gradients",
    "audit random outputs": "audit images with random outputs",
    "audit probabilities": "audit outputs are probabilities",
    "audit unchanged": "audit images that the attack left unchanged",
    "audit lost in 8bit": "audit successes lost in 8 bits",
}
_LAYER_WORDS = {
    "head kind": "head",
    "head pool": "pooling",
    "head description": "way to the logits",
    "map shape": "height and width of a feature map",
    "split error": "largest error of the split",
}


def provenance_in_words(info: Mapping[str, Any]) -> dict[str, str]:
    """The facts of `Record.info` by name, without those that the page states elsewhere.

    Facts without words of their own are named by their keys, so attributes of newer records are shown, too.
    """
    layers = {f"layer {one['layer']}": {**one, "layer": None} for one in info["layers"]}
    facts: dict[str, str] = {}
    for key, value in _flat({**info, "layers": None}).items():
        if key not in _ELSEWHERE:
            facts[_WORDS.get(key, key)] = value
    for name, layer in layers.items():
        for key, value in _flat(layer).items():
            facts[f"{name}: {_LAYER_WORDS.get(key, key)}"] = value
    return facts


def _flat(info: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Values as text, with the nested keys joined by spaces; without those that are empty."""
    flat: dict[str, str] = {}
    for name, value in info.items():
        key = f"{prefix} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            flat |= _flat(value, key)
        elif value is not None and value_text(value) not in ("", "None"):
            flat[key] = value_text(value)
    return flat


def value_text(value: object) -> str:
    """A value as text: lists with commas, truth values as yes and no, numbers with six significant digits."""
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
