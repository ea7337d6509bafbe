"""`Record`: what one run has written, read back as tables and named arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr

from vulneuron.errors import RecordError, SavedError, did_you_mean
from vulneuron.measures.sides import SIDES
from vulneuron.record.layers import RecordLayer
from vulneuron.record.opening import open_group, require_arrays
from vulneuron.record.schema import (
    COORDINATES,
    PAIR_VARIABLES,
    RUN,
    RUN_VARIABLES,
    VERSION_KEY,
    Outcome,
    Phase,
    layer_group,
    to_pixels,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from vulneuron.record.findings import Findings
    from vulneuron.record.groups import Groups


def open_record(path: str | os.PathLike[str]) -> Record:
    """Open a record, finished or not.

    Parameters
    ----------
    path
        A folder, or any URL that fsspec and Zarr open.

    Raises
    ------
    RecordError
        If there is no record, or it has another schema, or parts of it are missing.
    """
    group = open_group(path)
    record = Record(str(path), group)
    if record.complete:
        require_arrays(record.path, group, record.expected_arrays())
    return record


@dataclass(frozen=True)
class Validation:
    """Result of `Record.validate`: the problems of a record, empty if it is sound."""

    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether no problem was found."""
        return not self.problems


class Record:
    """Pairs, activations and provenance of one run; opened by `open_record` or returned by `analyze`.

    Attributes
    ----------
    path
        Path or URL of the record.
    attributes
        Provenance of the run as a mapping: model, images, attack, selection, versions, counts.
    """

    def __init__(self, path: str, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self._opened_layers: dict[str, RecordLayer] = {}
        self.attributes: Mapping[str, Any] = dict(group.attrs)

    def __fspath__(self) -> str:
        """Path of the record, for ``xarray.open_zarr(record)``."""
        return self.path

    def __repr__(self) -> str:
        state = f"{self.info()['pairs']} pairs" if self.complete else "unfinished"
        return f"<Record {self.path}: {state}>"

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return bool(self.attributes["phase"] == Phase.COMPLETE)

    def require_complete(self) -> None:
        """Refuse an unfinished record.

        Raises
        ------
        RecordError
            If the run is unfinished.
        """
        if not self.complete:
            raise RecordError(
                f"the run of record {self.path!r} is unfinished",
                allowed="a finished record",
                fix="run the same `vulneuron analyze` command again, which resumes the run",
            )

    def require_pairs(self) -> None:
        """Refuse an unfinished record, and one without pairs.

        Raises
        ------
        RecordError
            If the run is unfinished, or its attack never succeeded.
        """
        self.require_complete()
        counts = self.attributes["counts"]
        if not counts["pairs"]:
            raise RecordError(
                f"record {self.path!r} has no pairs: the attack succeeds on none of the "
                f"{counts['attacked']:,} attacked images",
                allowed="a record with at least one pair",
                fix="read its rates with `vulneuron info`, or run a stronger attack",
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of all classes, in the order of the network's outputs."""
        return tuple(self.attributes["class_names"])

    @cached_property
    def dataset(self) -> xr.Dataset:
        """Images, labels and logits as a lazy `xarray.Dataset`: nothing is read before it is asked for.

        Feature maps, activations and contributions are in ``record.layer().dataset``.
        """
        import xarray as xr  # noqa: PLC0415  slow to import

        self.require_complete()
        dataset: xr.Dataset = xr.open_zarr(self.path, chunks=None, consolidated=True)
        dataset = dataset.set_coords([name for name in COORDINATES if name in dataset])
        return dataset

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row per pair: labels by name, probabilities before and after, and perturbation norms.

        Columns ``image_id, image_index, benign_label, adversarial_label, benign_label_p_benign,
        adversarial_label_p_benign, benign_label_p_adversarial, adversarial_label_p_adversarial,
        perturbation_l2, perturbation_linf, survives_8bit``; ``X_p_Y`` is the probability of label X on image
        Y. The index is the number of the pair.
        """
        import pandas as pd  # noqa: PLC0415  slow to import
        from scipy.special import logsumexp  # noqa: PLC0415

        data = self.dataset
        columns: dict[str, Any] = {
            "image_id": [str(name) for name in data["image_id"].values],
            "image_index": data["image_index"].values,
        }
        names = list(self.class_names)
        for label in ("benign_label", "adversarial_label"):
            columns[label] = pd.Categorical.from_codes(data[label].values, categories=pd.Index(names))
        for code, side in enumerate(SIDES):
            logits = data["logit"][:, code].values
            total = logsumexp(logits, axis=1)
            for label in ("benign_label", "adversarial_label"):
                own = np.take_along_axis(logits, data[label].values[:, None], axis=1)[:, 0]
                columns[f"{label}_p_{side}"] = np.exp(own - total)
        for name in ("perturbation_l2", "perturbation_linf", "survives_8bit"):
            columns[name] = data[name].values
        return pd.DataFrame(columns, index=pd.RangeIndex(data.sizes["pair"], name="pair"))

    @cached_property
    def run_images(self) -> pd.DataFrame:
        """One row for every image of the run, with its outcome: also those that gave no pair.

        The index is ``image_index``, the position of the image in its source, as in `pairs`.
        """
        import pandas as pd  # noqa: PLC0415  slow to import

        run: Any = self._group[RUN]
        names = np.array([*self.class_names, ""], dtype=object)
        columns: dict[str, Any] = {
            "image_id": [str(name) for name in run["image_id"][:]],
            "outcome": [Outcome(code).name.lower() for code in run["outcome"][:]],
        }
        for name in ("true_label", "benign_label", "adversarial_label"):
            columns[name] = names[run[name][:]]
        for name in ("perturbation_l2", "perturbation_linf", "survives_8bit"):
            columns[name] = run[name][:]
        return pd.DataFrame(columns, index=pd.Index(run["image_index"][:], name="image_index"))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the target layers, in the order in which the network runs them."""
        return tuple(self.attributes["layers"])

    def layer(self, name: str | None = None) -> RecordLayer:
        """Data of one of the record's `layers`; by default, of the last one.

        Raises
        ------
        RecordError
            If the run is unfinished, or did not record such a layer.
        """
        self.require_complete()
        return self._layer(self.layers[-1] if name is None else name)

    def array(self, name: str) -> Any:
        """One Zarr array of the root, for reading parts of it without xarray's overhead."""
        self.require_complete()
        return self._group[name]

    def images(
        self, pairs: int | slice | Sequence[int] | npt.NDArray[np.int64], side: str
    ) -> npt.NDArray[np.float32]:
        """Pixels in [0, 1] of one side: ``(channel, y, x)`` of a pair, ``(n, channel, y, x)`` of several."""
        if side not in SIDES:
            raise RecordError(f"given side {side!r}", allowed=" or ".join(SIDES), fix="choose one of the two")
        code = SIDES.index(side)
        stored: npt.NDArray[np.uint16] = self.array("image").oindex[pairs, code]
        return to_pixels(stored)

    @property
    def findings(self) -> Findings:
        """Findings: states of the dashboard with notes, as in its list; they can be added and changed."""
        from vulneuron.record.findings import Findings  # noqa: PLC0415  needs this module

        return Findings(self)

    @property
    def groups(self) -> Groups:
        """Groups of neurons or pairs by name, as in the dashboard; they can be added and changed."""
        from vulneuron.record.groups import Groups  # noqa: PLC0415  needs this module

        return Groups(self)

    def info(self) -> dict[str, Any]:
        """Summary as plain values: counts, network, attack, audit; the keys of ``vulneuron info --json``."""
        run = self.attributes["run"]
        counts = dict(self.attributes.get("counts", {}))
        return {
            "path": self.path,
            "complete": self.complete,
            "schema": self.attributes[VERSION_KEY],
            **{key: counts.get(key) for key in COUNT_KEYS},
            "classes": len(self.class_names),
            "benign_label_count": self.attributes.get("benign_label_count"),
            "image_shape": self.attributes["image_shape"],
            "layers": [self._layer(name).info() for name in self._created_layers()],
            "model": run["model"],
            "images_from": run["images"],
            "attack": run["attack"],
            "selection": run["selection"],
            "seed": run["seed"],
            "audit": self.attributes.get("audit"),
            "notes": self.attributes["notes"],
            "created": self.attributes["created"],
            **self._saved_counts(),
            "versions": self.attributes["versions"],
            "device": self.attributes["device"],
            "threads": self.attributes["threads"],
        }

    def show(self, *, model: Any = None, height: int = 900, proxy: str | None = None) -> Any:
        """Show the dashboard in a notebook; see `vulneuron.show`."""
        (viewer,) = entry_points(group="vulneuron.viewers", name="dashboard")
        return viewer.load()(self, model=model, height=height, proxy=proxy)

    def expected_arrays(self) -> list[str]:
        """Paths of the arrays that a finished record with these layers has."""
        of_run = [f"{RUN}/{name}" for name in RUN_VARIABLES if name != "adversarial"]
        of_layers = [
            f"{layer_group(name)}/{variable}"
            for name in self.layers
            for variable in self._layer(name).expected_variables()
        ]
        return [*PAIR_VARIABLES, *of_layers, *of_run]

    def validate(self) -> Validation:
        """Read everything and check that it fits together.

        Checked are: names, dimensions and types of all arrays; finite values; labels against the logits; for
        layers with a linear head, that weights and activations reproduce the logits; both norms against the
        images; counts against the table of all images.
        """
        from vulneuron.record.validation import problems  # noqa: PLC0415  the checks need this module

        return Validation(tuple(problems(self)))

    def _layer(self, name: str) -> RecordLayer:
        if name not in self.layers:
            raise RecordError(
                f"record {self.path!r} has no layer {name!r}",
                allowed=", ".join(self.layers),
                fix=did_you_mean(name, self.layers) or "run `vulneuron analyze` with --layer for each layer",
            )
        if name in self._opened_layers:
            return self._opened_layers[name]
        group = self._group.get(layer_group(name))
        if not isinstance(group, zarr.Group):
            raise RecordError(
                f"record {self.path!r} is truncated: its group {layer_group(name)!r} is missing",
                allowed="a whole record",
                fix="restore it from a copy, or run analyze again with --overwrite",
            )
        return self._opened_layers.setdefault(name, RecordLayer(self.path, name, group))

    def _saved_counts(self) -> dict[str, int | None]:
        """Numbers of findings and groups; None if they cannot be read."""
        if not self.complete:
            return {"findings": 0, "groups": 0}
        try:
            return {"findings": len(self.findings), "groups": len(self.groups)}
        except SavedError:
            return {"findings": None, "groups": None}

    def _created_layers(self) -> tuple[str, ...]:
        # A run that was killed at its very start has no groups yet.
        return () if self.attributes["phase"] == Phase.CREATE else self.layers


COUNT_KEYS = (
    "pairs",
    "images",
    "correct",
    "attacked",
    "successes",
    "clean_accuracy",
    "attack_success_rate",
    "robust_accuracy",
    "survive_8bit",
)
