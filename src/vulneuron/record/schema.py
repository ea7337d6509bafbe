"""Schema of a record: names, dimensions, types and units of its arrays, and the version of the schema.

A record is one Zarr v3 group:

- the root contains the pairs, independent of the layer: images, labels, logits, perturbations;
- ``layers/NAME`` contains the values of one target layer: feature maps, activations, contributions;
- ``run`` contains one row per image of the run, to document wrong predictions and failed attacks;
- ``maps/NAME`` contains the vulnerability maps of one patch and stride, added to a finished record;
- ``saved`` contains findings and groups, which users save in a finished record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

SCHEMA_VERSION = 3
#: Attribute of the root group that distinguishes a record from other Zarr groups.
VERSION_KEY = "vulneuron_schema"

#: Names of the groups.
LAYERS, RUN, MAPS, SAVED = "layers", "run", "maps", "saved"

BENIGN, ADVERSARIAL = range(2)

#: Pixels are stored as integers n, for n / 65535; 8-bit images and epsilons of n/255 are exact on this grid.
PIXEL_STEPS = 65535

#: Approximate bytes per chunk of the largest variable, the smallest amount that is read.
CHUNK_BYTES = 2**20
#: Approximate bytes per block of the largest variable. A block is one file (a Zarr shard), which limits the
#: number of files.
BLOCK_BYTES = 32 * 2**20
_MAX_PAIRS_PER_BLOCK = 256


class Phase(IntEnum):
    """Phase of a run."""

    CREATE = 0
    ATTACK = 1
    CAPTURE = 2
    COMPLETE = 3


class Outcome(IntEnum):
    """Outcome of an image of the run."""

    PENDING = 0
    WRONG = 1
    EXEMPT = 2
    RESISTED = 3
    SUCCESS = 4


#: Stored with the outcomes, so the record is self-explanatory.
OUTCOME_MEANING = {
    "PENDING": "not processed yet",
    "WRONG": "benign image misclassified, not attacked",
    "EXEMPT": "true label is the target of the attack, not attacked",
    "RESISTED": "attack failed: still classified correctly or, if targeted, not as the target",
    "SUCCESS": "attack succeeded on the image as stored",
}


@dataclass(frozen=True)
class Variable:
    """One array of a record.

    Attributes
    ----------
    dims
        Names of the dimensions.
    dtype
        Stored type.
    units
        Unit of the values; "1" for pure numbers.
    meaning
        Description of the values.
    blocked
        Whether it is written block by block along its first dimension. Other variables are one chunk.
    sharded
        Whether a block consists of smaller chunks, so a few pairs can be read without the others.
    """

    dims: tuple[str, ...]
    dtype: type
    units: str
    meaning: str
    blocked: bool = False
    sharded: bool = False


#: Variables of the root group.
PAIR_VARIABLES: dict[str, Variable] = {
    "image": Variable(
        ("pair", "side", "channel", "y", "x"),
        np.uint16,
        "1",
        "pixels in [0, 1], stored as n / 65535",
        True,
        True,
    ),
    "logit": Variable(("pair", "side", "class"), np.float32, "1", "logits", True),
    "benign_label": Variable(
        ("pair",), np.int32, "class index", "argmax on the benign image, the true label"
    ),
    "adversarial_label": Variable(("pair",), np.int32, "class index", "argmax on the adversarial image"),
    "perturbation_l2": Variable(("pair",), np.float32, "1", "L2 norm of adversarial minus benign pixels"),
    "perturbation_linf": Variable(
        ("pair",), np.float32, "1", "L-inf norm of adversarial minus benign pixels"
    ),
    "survives_8bit": Variable(("pair",), np.bool_, "1", "the attack succeeds after rounding to 8 bits"),
    "image_index": Variable(("pair",), np.int64, "1", "position of the image in its source"),
    "image_id": Variable(("pair",), str, "1", "name of the benign image in its source"),
    "pair": Variable(("pair",), np.int64, "1", "number of the pair"),
    "side": Variable(("side",), str, "1", "image of the pair"),
    "class": Variable(("class",), str, "1", "class name"),
    "channel": Variable(("channel",), np.int32, "1", "color channel"),
    "y": Variable(("y",), np.int32, "pixel", "row of an image"),
    "x": Variable(("x",), np.int32, "pixel", "column of an image"),
}
#: Variables of the root that are coordinates in xarray, besides those named like a dimension.
COORDINATES = ("image_id", "image_index")

#: Variables of the group of each layer. It repeats coordinates of the root, so it can be read on its own.
LAYER_VARIABLES: dict[str, Variable] = {
    "feature_map": Variable(
        ("pair", "side", "neuron", "row", "column"),
        np.float32,
        "1",
        "feature maps of the target layer",
        True,
        True,
    ),
    "activation": Variable(
        ("pair", "side", "neuron"),
        np.float32,
        "1",
        "one number per neuron; the group's attributes describe its computation",
        True,
    ),
    "contribution": Variable(
        ("pair", "side", "label", "neuron"),
        np.float32,
        "logit",
        "gradient x activation for the logit of the benign and of the adversarial label",
        True,
    ),
    "weight": Variable(("class", "neuron"), np.float32, "logit", "weights of the dense layer"),
    "bias": Variable(("class",), np.float32, "logit", "biases of the dense layer"),
    "projection": Variable(("pair", "side", "axis"), np.float32, "1", "2-D t-SNE of the activations"),
    "pair": PAIR_VARIABLES["pair"],
    "side": PAIR_VARIABLES["side"],
    "label": Variable(("label",), str, "1", "label of the pair"),
    "class": PAIR_VARIABLES["class"],
    "neuron": Variable(("neuron",), np.int32, "1", "channel of the target layer"),
    "row": Variable(("row",), np.int32, "cell", "row of a feature map"),
    "column": Variable(("column",), np.int32, "cell", "column of a feature map"),
    "axis": Variable(("axis",), np.int32, "1", "axis of the projection"),
}
#: Variables of layers with a linear head, and of layers with any other head.
LINEAR_ONLY = ("weight", "bias")
NONLINEAR_ONLY = ("contribution",)

RUN_VARIABLES: dict[str, Variable] = {
    "image_id": Variable(("image",), str, "1", "name of the image in its source"),
    "image_index": Variable(("image",), np.int64, "1", "position of the image in its source"),
    "true_label": Variable(("image",), np.int32, "class index", "true label"),
    "benign_label": Variable(("image",), np.int32, "class index", "prediction on the benign image", True),
    "adversarial_label": Variable(
        ("image",), np.int32, "class index", "prediction on the attacked image; -1 if not attacked", True
    ),
    "perturbation_l2": Variable(("image",), np.float32, "1", "L2 norm; 0 if not attacked", True),
    "perturbation_linf": Variable(("image",), np.float32, "1", "L-inf norm; 0 if not attacked", True),
    "survives_8bit": Variable(("image",), np.bool_, "1", "success after rounding to 8 bits", True),
    "adversarial": Variable(
        ("image", "channel", "y", "x"),
        np.uint16,
        "1",
        "adversarial pixels; deleted once the pairs are captured",
        True,
    ),
    "outcome": Variable(
        ("image",),
        np.uint8,
        "1",
        "; ".join(f"{outcome.value}: {OUTCOME_MEANING[outcome.name]}" for outcome in Outcome),
        True,
    ),
}

#: Created in the group ``run`` when the pairs are known.
BLOCK_VARIABLES: dict[str, Variable] = {
    "pair_rows": Variable(("pair",), np.int64, "1", "row of each pair in the run table"),
    "split_error": Variable(
        ("block", "layer"), np.float32, "1", "largest split error of each layer in a block of pairs", True
    ),
    "captured": Variable(("block",), np.bool_, "1", "whether a block of pairs is complete", True),
}

_MAP_DIMS = ("pair", "kind", "grid_y", "grid_x")
#: One chunk per pair in the group of a patch and stride; NaN where nothing is computed yet.
VULNERABILITY_MAPS = Variable(
    _MAP_DIMS, np.float32, "1", "vulnerability maps: benign drop and adversarial gain of each patch"
)
#: Points of incomplete vulnerability maps, in the same group.
MAP_POINTS = Variable(
    _MAP_DIMS,
    np.float64,
    "1",
    "change of the log-probability of the benign and of the adversarial label, caused by each patch",
)


def layer_group(layer: str) -> str:
    """Path of a layer's group; characters that are not allowed in a path component are percent-encoded."""
    return f"{LAYERS}/{quote(layer, safe='')}"


def map_group(patch: int, stride: int) -> str:
    """Path of the group of the vulnerability maps with this patch and stride, in pixels."""
    return f"{MAPS}/patch_{patch}_stride_{stride}"


def layer_variables(*, linear: bool) -> dict[str, Variable]:
    """`LAYER_VARIABLES` that a layer with a linear head has, or with any other head."""
    absent = NONLINEAR_ONLY if linear else LINEAR_ONLY
    return {name: variable for name, variable in LAYER_VARIABLES.items() if name not in absent}


def to_stored(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Stored integers of pixels in [0, 1], rounded to the nearest n / 65535."""
    return np.rint(pixels.astype(np.float64) * PIXEL_STEPS).astype(np.uint16)


def to_stored_adversarial(
    pixels: npt.NDArray[np.float32], benign: npt.NDArray[np.uint16]
) -> npt.NDArray[np.uint16]:
    """Stored integers of adversarial pixels; the perturbation is rounded towards zero, so no norm increases.

    A perturbation less than a hundredth of a step below the next grid point is rounded up to it, because
    perturbations that are exact on the grid, such as 8/255, are rounded in float32.
    """
    steps = pixels.astype(np.float64) * PIXEL_STEPS - benign
    towards_zero = np.sign(steps) * np.floor(np.abs(steps) + 0.01)
    return np.asarray(benign + towards_zero, dtype=np.uint16)


def to_pixels(stored: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Pixels in [0, 1] of stored integers."""
    pixels: npt.NDArray[np.float32] = stored.astype(np.float32) / np.float32(PIXEL_STEPS)
    return pixels


@dataclass(frozen=True)
class BlockSize:
    """Numbers of pairs per block and per chunk."""

    pairs_per_block: int
    pairs_per_chunk: int


def block_size(attributes: Mapping[str, Any], layers: Iterable[Mapping[str, Any]]) -> BlockSize:
    """Sizes of blocks and chunks of a record, from its attributes and those of its layers."""
    shapes = [(layer["neurons"], *layer["map_shape"]) for layer in layers]
    feature_bytes = (2 * 4 * int(np.prod(shape)) for shape in shapes)
    largest = max(2 * 2 * int(np.prod(attributes["image_shape"])), *feature_bytes)
    chunk = int(np.clip(CHUNK_BYTES // largest, 1, _MAX_PAIRS_PER_BLOCK))
    chunks = int(np.clip(BLOCK_BYTES // (chunk * largest), 1, _MAX_PAIRS_PER_BLOCK // chunk))
    return BlockSize(chunk * chunks, chunk)
