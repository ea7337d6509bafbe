"""The commands, as a user runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from commands import Command
from runs import CLASS_NAMES, color_folder, color_pictures, model_file
from vulneuron._version import __version__
from vulneuron.record import Group, open_record
from vulneuron.record.schema import VERSION_KEY

NAMES = ",".join(CLASS_NAMES)


def assert_one_clear_line(result: tuple[int, str, str], message: str) -> None:
    status, out, err = result
    assert status == 1
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Allowed: " in err
    assert re.search(message, err), err


def test_analyze_and_info(run: Command, tmp_path: Path) -> None:
    photos, out = color_folder(tmp_path / "photos"), tmp_path / "run.zarr"
    status, printed, err = run(
        "analyze", "--model", model_file(tmp_path), "--images", photos, "--out", out, "--class-names", NAMES,
        "--eps", "10/255", "--steps", 5, "--norm", "linf", "--classes", "red, blue", "--limit", 3,
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "with 2 benign labels out of 3 classes" in printed
    status, printed, _ = run("info", out, "--json")
    info = json.loads(printed)
    assert info["attack"]["eps"] == "10/255"
    assert info["attack"]["steps"] == 5
    assert info["complete"] is True
    assert info["images"] == 6
    assert info["classes"] == 3
    assert [layer["neurons"] for layer in info["layers"]] == [4]
    assert info["clean_accuracy"] == 1
    assert 0 < info["attack_success_rate"] <= 1
    assert info["layers"][0]["split_error"] <= 1e-4
    assert info["pairs"] == len(open_record(out).pairs)
    status, printed, err = run("info", out, "--validate")
    assert status == 0
    assert "valid" in err
    assert re.search(r"clean accuracy\s+100.00 %", printed)


def test_targeted_fgsm_from_an_npz(run: Command, tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    np.savez(tmp_path / "set.npz", images=pictures, labels=labels, class_names=np.array(CLASS_NAMES))
    out = tmp_path / "run.zarr"
    status, _, err = run(
        "analyze", "--model", model_file(tmp_path), "--images", tmp_path / "set.npz", "--out", out,
        "--attack", "fgsm", "--eps", "16/255", "--target", "blue",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert set(open_record(out).pairs["adversarial_label"]) == {"blue"}
    assert open_record(out).info()["attack"]["target"] == 2


def test_running_again_returns_the_finished_record(run: Command, tmp_path: Path) -> None:
    arguments = (
        "analyze", "--model", model_file(tmp_path), "--images", color_folder(tmp_path / "p"), "--out",
        tmp_path / "run.zarr", "--class-names", NAMES,
    )  # fmt: skip
    assert run(*arguments)[0] == 0
    created = open_record(tmp_path / "run.zarr").attributes["created"]
    assert run(*arguments)[0] == 0
    assert open_record(tmp_path / "run.zarr").attributes["created"] == created
    assert_one_clear_line(
        run(*arguments, "--seed", 1), "contains a different run: seed is 0 in the record and 1 now"
    )


def test_info_of_an_unfinished_record(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"
    run("analyze", "--model", model_file(tmp_path), "--images", color_folder(tmp_path / "p"), "--out", out)
    metadata = json.loads((out / "zarr.json").read_text())
    metadata["attributes"]["phase"] = 1
    del metadata["attributes"]["counts"]
    (out / "zarr.json").write_text(json.dumps(metadata))
    status, printed, _ = run("info", out)
    assert status == 0
    assert "unfinished" in printed
    info = json.loads(run("info", out, "--json")[1])
    assert info["complete"] is False
    assert info["pairs"] is None


BAD_OPTIONS = {
    "missing images": (["--images", "{tmp}/nowhere"], "nowhere', which does not exist"),
    "missing model file": (["--model", "{tmp}/none.py:net"], r"none\.py"),
    "missing function": (["--model", "{tmp}/model.py:resnet"], "resnet"),
    "unknown model": (["--model", "torchvision:resnet81"], "resnet81.*resnet18"),
    "unknown form of model": (["--model", "resnet18"], "resnet18"),
    "empty folder": (["--images", "{tmp}/empty"], "empty"),
    "unknown class": (["--classes", "red,grean"], "class 'grean' is unknown.*green"),
    "unknown target": (["--target", "yellow"], "class 'yellow' is unknown"),
    "too few class names": (["--class-names", "red,green"], "2 class names.*3 outputs"),
    "unknown attack": (["--attack", "pdg"], "'pdg'.*fgsm, pgd"),
    "epsilon that is no number": (["--eps", "eight"], "'eight'.*8/255"),
    "epsilon below zero": (["--eps", "-1/255"], "-1/255"),
    "epsilon above one": (["--eps", "8"], "eps"),
    "division by zero": (["--eps", "8/0"], "8/0"),
    "no steps": (["--steps", "0"], "steps"),
    "unknown norm": (["--norm", "l7"], "l7"),
    "unknown layer": (["--layer", "layer9"], "layer 'layer9'"),
    "unknown device": (["--device", "tpu"], "device 'tpu' cannot be used"),
    "bad limit": (["--limit", "0"], "limit is 0"),
    "bad batch size": (["--batch-size", "0"], "batch size is 0"),
    "bad mean": (["--mean", "a,b,c"], "--mean is 'a,b,c'"),
    "bad std": (["--std", "0,0,0"], "std"),
    "bad interpolation": (["--image-size", "12", "--interpolation", "magic"], "magic"),
    "bad most attacked": (["--most-attacked", "0"], "most attacked classes is 0"),
    "missing adversarials": (["--adversarials", "{tmp}/adv.npz"], r"adv\.npz"),
    "no correct prediction": (["--class-names", "green,blue,red"], "none of the 12 images correctly"),
    "model with another number of classes": (["--model", "{tmp}/four.py:net"], "3 class names.*4 outputs"),
    "output that is no logits matrix": (["--model", "{tmp}/tuple.py:net"], "output is tuple"),
    "model that raises": (["--model", "{tmp}/raises.py:net"], "ValueError.*no luck"),
    "NaN weights": (["--model", "{tmp}/nan.py:net"], "NaN"),
    "checkpoint that needs unpickling": (["--model", "{checkpoint}={tmp}/pickled.pt"], "safetensors"),
    "checkpoint of another model": (["--model", "{checkpoint}={tmp}/other.safetensors"], "missing"),
    "pixels outside of [0, 1]": (["--images", "{tmp}/wide.npz"], r"\[0, 1\]"),
    "labels beyond the outputs": (["--images", "{tmp}/labels.npz"], "labels go up to 11"),
    "out on an unknown store": (["--out", "nowhere://bucket/run.zarr"], "nowhere.*cannot be reached"),
    "out in a file": (["--out", "{tmp}/a file/run.zarr"], "a file"),
    "out that is no record": (["--out", "{tmp}/empty.py"], "exists and is not a record"),
}  # fmt: skip

FILES = {
    "four.py": "from torch import nn\ndef net():\n    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), "
    "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4))\n",
    "tuple.py": "from torch import nn\nclass Net(nn.Conv2d):\n    def forward(self, images):\n"
    "        return (super().forward(images),)\ndef net():\n    return Net(3, 3, 1)\n",
    "raises.py": "def net():\n    raise ValueError('no luck')\n",
    "nan.py": "from four import net as build\ndef net():\n    made = build()\n"
    "    made[4].weight.data[0, 0] = float('nan')\n    return made\n",
    "empty.py": "",
    "a file": "",
}


class Unsafe:
    """Something that only unpickling brings back."""


@pytest.fixture
def bad_files(tmp_path: Path) -> Path:
    model_file(tmp_path)
    color_folder(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    torch.save({"state_dict": Unsafe()}, tmp_path / "pickled.pt")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    pictures, labels = color_pictures()
    np.savez(tmp_path / "wide.npz", images=pictures.astype(np.float32), labels=labels)
    np.savez(tmp_path / "labels.npz", images=pictures, labels=labels * 11 // 2)
    return tmp_path


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_input_is_one_line_and_leaves_nothing(run: Command, bad_files: Path, case: str) -> None:
    extra, message = BAD_OPTIONS[case]
    options = {
        "--model": f"{bad_files}/model.py:net",
        "--images": f"{bad_files}/photos",
        "--out": f"{bad_files}/run.zarr",
        "--class-names": NAMES,
    }
    values = iter(
        text.format(tmp=bad_files, checkpoint=f"{bad_files}/model.py:net?checkpoint") for text in extra
    )
    options.update(zip(values, values, strict=True))
    before = sorted(bad_files.rglob("*"))
    assert_one_clear_line(run("analyze", *(word for option in options.items() for word in option)), message)
    after = [path for path in sorted(bad_files.rglob("*")) if "__pycache__" not in path.parts]
    assert after == before


def test_record_of_a_newer_schema(run: Command, tmp_path: Path) -> None:
    out = tmp_path / "run.zarr"
    arguments = (
        "analyze",
        "--model",
        model_file(tmp_path),
        "--images",
        color_folder(tmp_path / "p"),
        "--out",
        out,
    )
    run(*arguments)
    metadata = json.loads((out / "zarr.json").read_text())
    metadata["attributes"][VERSION_KEY] = 7
    (out / "zarr.json").write_text(json.dumps(metadata))
    assert_one_clear_line(run("info", out), "schema 7.*Upgrade")
    assert_one_clear_line(run(*arguments), "schema 7")


def test_info_of_what_is_no_record(run: Command, tmp_path: Path) -> None:
    assert_one_clear_line(run("info", tmp_path / "none"), "does not exist")
    assert_one_clear_line(run("info", tmp_path), "is no record")


def test_doctor_names_versions_device_and_what_is_missing(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "timm" else object())
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "1.2.3")
    status, printed, _ = run("doctor")
    assert status == 0
    assert re.search(r"torch\s+1\.2\.3", printed)
    assert re.search(r"device\s+(cpu|cuda|mps)", printed)
    assert re.search(r"timm\s+missing, needed for models of timm.*pip install 'vulneuron\[timm\]'", printed)
    assert re.search(r"foolbox\s+1\.2\.3 \(attacks of foolbox", printed)


def test_version(run: Command) -> None:
    assert run("--version") == (0, f"vulneuron {__version__}\n", "")


def test_help_names_every_option_of_an_attack(run: Command) -> None:
    status, printed, _ = run("analyze", "--help")
    assert status == 0
    for option in (
        "--model",
        "--images",
        "--out",
        "--attack",
        "--eps",
        "--step-size",
        "--steps",
        "--norm",
        "--target",
    ):
        assert option in printed
    assert "default: 8/255" in printed


@pytest.mark.slow
def test_nothing_but_the_summary_is_printed_when_piped(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "vulneuron", "analyze", "--model", model_file(tmp_path), "--images",
               str(color_folder(tmp_path / "p", a_class=3)), "--out", str(tmp_path / "run.zarr")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("record ")
    assert "\x1b" not in done.stdout


INTERRUPTED_ONCE = """
from pathlib import Path
from vulneuron.attacks import PGD

def attack(classifier, images, labels):
    started = Path(__file__).with_name("started")
    if not started.exists():
        started.touch()
        raise KeyboardInterrupt
    return PGD().adversarial_images(classifier, images, labels)
"""


def test_interrupt_says_that_nothing_is_lost(run: Command, tmp_path: Path) -> None:
    attack, out = tmp_path / "attack.py", tmp_path / "run.zarr"
    attack.write_text(INTERRUPTED_ONCE)
    arguments = (
        "analyze",
        "--model",
        model_file(tmp_path),
        "--images",
        color_folder(tmp_path / "p"),
        "--attack",
        f"{attack}:attack",
        "--out",
        out,
    )
    status, printed, err = run(*arguments)
    assert (status, printed) == (130, "")
    assert err == "Interrupted. Run the same command again to resume.\n"
    assert run(*arguments)[0] == 0


def test_demo_without_its_packages_says_what_to_install(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    result = run("demo", "--no-serve", "--out", tmp_path / "demo.zarr")
    assert_one_clear_line(result, r"Install it with: pip install 'vulneuron\[demo\]'")
    assert list(tmp_path.iterdir()) == []


def test_findings_and_groups_of_a_record(run: Command, linear_record: Path, tmp_path: Path) -> None:
    out = shutil.copytree(linear_record, tmp_path / "run.zarr")
    record = open_record(out)
    assert "saved" not in run("info", out)[1]
    record.findings.add("*ears*", pair=1, neurons=[2])
    record.groups["both"] = Group(pairs=[0, 1])
    record.groups["one"] = Group(neurons=[0])
    assert re.search("saved +1 finding and 2 groups", run("info", out)[1])
    status, printed, err = run("findings", out)
    assert (status, err) == (0, "")
    assert printed.startswith("# Findings in run.zarr\n")
    assert f"## 1. {record.findings[0].title}\n\n*ears*\n" in printed
    (out / "saved" / "zarr.json").write_text("{")
    assert "findings and groups that cannot be read" in run("info", out)[1]
    assert_one_clear_line(run("findings", out), "cannot be read")
