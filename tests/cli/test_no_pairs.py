"""Commands on a record in which no attack succeeded."""

import json
from pathlib import Path

import pytest

import vulneuron as vn
from commands import Command
from runs import CLASS_NAMES, color_folder, color_net, color_pictures, model_file


@pytest.mark.parametrize(
    "command", [("serve", "--no-open"), ("neurons", "--pair", "0"), ("maps", "--pairs", "all")]
)
def test_commands_say_that_there_are_no_pairs(run: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    pictures, labels = color_pictures(3, wrong=0)
    out = tmp_path / "none.zarr"
    vn.analyze(color_net(), pictures, labels, out=out, attack=lambda _net, images, _: images)
    name, *options = command
    status, printed, err = run(name, out, *options)
    assert (status, printed) == (1, "")
    assert "has no pairs: the attack succeeds on none of the 9 attacked images" in err
    assert err.count("\n") == 1


def test_analyze_without_a_success_exits_with_status_0_and_a_note(run: Command, tmp_path: Path) -> None:
    folder, out = color_folder(tmp_path / "photos"), tmp_path / "none.zarr"
    status, printed, err = run(
        "analyze", "--model", model_file(tmp_path), "--images", folder, "--out", out,
        "--class-names", ",".join(CLASS_NAMES), "--eps", "0.1/255",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "succeeds on none of the 12 attacked images" in " ".join(printed.split())
    assert json.loads(run("info", out, "--json")[1])["attack_success_rate"] == 0
    assert "none: the attack never succeeded" in run("info", out)[1]
