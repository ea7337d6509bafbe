"""`vulneuron info`: the content of a record."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vulneuron.record import Record


def command(
    path: Annotated[str, typer.Argument(help="A record.")],
    layer: Annotated[
        str | None, typer.Option(help="Target layer to describe. [default: all of the record]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    validate: Annotated[bool, typer.Option("--validate", help="Read and check everything; slow.")] = False,
) -> None:
    """Show the content of a record: pairs, rates, network, attack, provenance."""
    from vulneuron.record import open_record

    record = open_record(path)
    info = record.info()
    if layer is not None:
        info["layers"] = [record.layer(layer).info()]
    if as_json:
        sys.stdout.write(json.dumps(info, indent=2) + "\n")
    else:
        _print(info)
    if validate:
        problems = record.validate().problems
        for problem in problems:
            sys.stderr.write(f"error: {problem}\n")
        if problems:
            raise SystemExit(1)
        sys.stderr.write("The record is valid.\n")


def show(record: Record) -> None:
    """Print the summary of a record as a table."""
    _print(record.info())


def _print(info: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _rows(info):
        table.add_row(name, escape(value))
    Console(highlight=False).print(table)


def _rows(info: dict[str, Any]) -> list[tuple[str, str]]:
    state = "finished" if info["complete"] else "unfinished: run the same analyze command again"
    rows = [("record", f"{info['path']} ({state})")]
    if info["complete"]:
        rows += [
            (
                "pairs",
                f"{info['pairs']:,}, with {info['benign_label_count']:,} benign labels out of "
                f"{info['classes']:,} classes"
                if info["pairs"]
                else "none: the attack never succeeded",
            ),
            (
                "images",
                f"{info['images']:,}, of which {info['correct']:,} correct, {info['attacked']:,} attacked",
            ),
            ("clean accuracy", _percent(info["clean_accuracy"])),
            ("attack success rate", _percent(info["attack_success_rate"])),
            ("robust accuracy", _percent(info["robust_accuracy"])),
            ("survive 8-bit rounding", f"{info['survive_8bit']:,} of {info['successes']:,}"),
        ]
    attack = dict(info["attack"])
    name = attack.pop("name")
    rows += [
        (
            "attack",
            ", ".join([name, *(f"{key} {value}" for key, value in attack.items() if value is not None)]),
        ),
        ("model", info["model"]["spec"]),
        *(row for layer in info["layers"] for row in _layer_rows(layer)),
        ("images from", info["images_from"]["spec"]),
        ("created", f"{info['created']} by vulneuron {info['versions']['vulneuron']}, seed {info['seed']}"),
        *_saved_rows(info),
        ("device", f"{info['device']}, {info['threads']} CPU threads"),
    ]
    flags = info["audit"]["flags"] if info["complete"] else []
    return rows + [("warning", flag) for flag in flags] + [("note", note) for note in info["notes"]]


def _layer_rows(layer: dict[str, Any]) -> list[tuple[str, str]]:
    height, width = layer["map_shape"]
    description = layer["head"]["description"]
    return [
        ("target layer", f"{layer['neurons']:,} neurons, feature maps {height} x {width}: {description}"),
        ("split error", f"{layer['split_error']:.1e}"),
    ]


def _saved_rows(info: dict[str, Any]) -> list[tuple[str, str]]:
    findings, groups = info["findings"], info["groups"]
    if findings is None:
        return [("saved", "findings and groups that cannot be read; record.findings says why")]
    counts = [
        f"{count:,} {name}{'' if count == 1 else 's'}"
        for count, name in ((findings, "finding"), (groups, "group"))
        if count
    ]
    return [("saved", " and ".join(counts))] if counts else []


def _percent(rate: float | None) -> str:
    return "not defined" if rate is None else f"{100 * rate:.2f} %"
