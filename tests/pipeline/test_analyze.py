"""From a model and images to a record: what is in it, against plain loops."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import vulneuron as vn
from runs import CLASS_NAMES, all_arrays, color_folder, color_net, color_pictures
from vulneuron.errors import RunError
from vulneuron.record import Record


def test_counts_are_those_of_plain_loops(record: Record) -> None:
    pictures, labels = color_pictures()
    net = color_net().eval()
    predicted = []
    for picture in pictures:
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
        predicted.append(int(net(pixels).argmax()))
    right = np.array(predicted) == labels
    info = record.info()
    assert info["images"] == 24
    assert info["correct"] == right.sum() == 22
    assert info["clean_accuracy"] == right.mean()
    assert info["attack_success_rate"] == info["successes"] / 22
    assert info["robust_accuracy"] == (22 - info["successes"]) / 24
    assert 0 < info["pairs"] == info["successes"] <= 22
    outcomes = record.run_images["outcome"]
    assert (outcomes == "wrong").sum() == 2
    assert (outcomes == "success").sum() == info["successes"]
    assert (outcomes == "resisted").sum() == 22 - info["successes"]


def test_stored_images_are_the_benign_ones_and_their_adversarials(record: Record) -> None:
    pictures, labels = color_pictures()
    net = color_net().eval()
    pairs = record.pairs
    index = pairs["image_index"].to_numpy()
    benign, adversarial = record.images(slice(None), "benign"), record.images(slice(None), "adversarial")
    np.testing.assert_array_equal(benign, (pictures[index] / np.float32(255)).transpose(0, 3, 1, 2))
    assert (record.pairs["perturbation_linf"] <= 8 / 255).all()
    # On the grid of the record, where 8/255 is 2056 steps of 65535, the budget holds to the last bit.
    steps = np.rint(adversarial * 65535.0) - np.rint(benign * 65535.0)
    assert np.abs(steps).max() == 2056
    assert adversarial.min() >= 0
    assert adversarial.max() <= 1
    with torch.no_grad():
        predicted = net(torch.from_numpy(adversarial)).argmax(1).numpy()
        in_8bit = net(torch.round(torch.from_numpy(adversarial) * 255) / 255).argmax(1).numpy()
    np.testing.assert_array_equal(pairs["adversarial_label"].cat.codes, predicted)
    np.testing.assert_array_equal(pairs["benign_label"].cat.codes, labels[index])
    assert (predicted != labels[index]).all()
    np.testing.assert_array_equal(pairs["survives_8bit"], in_8bit != labels[index])
    norms = np.linalg.norm((adversarial - benign).reshape(len(pairs), -1), axis=1)
    np.testing.assert_allclose(pairs["perturbation_l2"], norms, rtol=1e-5)


def test_activity_is_that_of_the_plain_network(record: Record) -> None:
    net = color_net().eval()
    data = all_arrays(record)
    for side, name in enumerate(("benign", "adversarial")):
        with torch.no_grad():
            maps = net[0](torch.from_numpy(record.images(slice(None), name)))
            logits = net[1:](maps)
        np.testing.assert_allclose(data["feature_map"][:, side], maps, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(data["activation"][:, side], maps.mean((2, 3)), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(data["logit"][:, side], logits, rtol=1e-4, atol=1e-5)
        probabilities = torch.softmax(logits, 1).numpy()
        codes = record.pairs["adversarial_label"].cat.codes.to_numpy()
        expected = probabilities[np.arange(len(codes)), codes]
        np.testing.assert_allclose(record.pairs[f"adversarial_label_p_{name}"], expected, rtol=1e-3)


def test_xarray_opens_it_with_names_coordinates_and_units(record: Record) -> None:
    data, layer = xr.open_zarr(record), xr.open_zarr(record, group="layers/0")
    assert data["image"].dims == ("pair", "side", "channel", "y", "x")
    assert data["image_id"].sizes == {"pair": record.info()["pairs"]}
    assert layer["feature_map"].dims == ("pair", "side", "neuron", "row", "column")
    for dataset in (data, layer):
        assert [str(name) for name in dataset["class"].values] == list(CLASS_NAMES)
        assert [str(name) for name in dataset["side"].values] == ["benign", "adversarial"]
        assert all("units" in variable.attrs for variable in dataset.variables.values())
    one = layer["feature_map"].sel(side="adversarial").isel(pair=0, neuron=1)
    np.testing.assert_array_equal(one, record.layer().dataset["feature_map"].values[0, 1, 1])
    assert record.validate().problems == ()


def test_xarray_opens_it_as_a_tree(record: Record) -> None:
    with xr.open_datatree(record, engine="zarr") as tree:
        np.testing.assert_array_equal(tree["layers/0/activation"], record.layer().dataset["activation"])
        np.testing.assert_array_equal(tree["logit"], record.dataset["logit"])
        assert tree["run/outcome"].sizes == {"image": record.info()["images"]}


def test_nothing_is_read_before_it_is_asked_for(record: Record) -> None:
    opened = vn.open_record(record.path)
    for dataset in (opened.dataset, opened.layer().dataset):
        assert not any(variable._in_memory for variable in dataset.data_vars.values())


@pytest.mark.slow
def test_same_seed_same_record_whatever_the_batch_size(record: Record, tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    again = vn.analyze(
        color_net(), pictures, labels, out=tmp_path / "again.zarr", class_names=CLASS_NAMES, batch_size=11
    )
    xr.testing.assert_allclose(all_arrays(record), all_arrays(again), rtol=1e-5)
    np.testing.assert_array_equal(record.dataset["image"], again.dataset["image"])
    other = vn.analyze(
        color_net(), pictures, labels, out=tmp_path / "other.zarr", class_names=CLASS_NAMES, seed=1
    )
    assert not np.array_equal(other.layer().dataset["projection"], again.layer().dataset["projection"])


def test_target_for_an_attack_that_has_none(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    with pytest.raises(vn.VulneuronError, match="given target 1 for the attack"):
        vn.analyze(
            color_net(),
            pictures,
            labels,
            out=tmp_path / "r.zarr",
            attack=lambda _c, images, _y: images,
            target=1,
        )


def test_targeted_attack_that_misses_its_target_counts_against_robustness(tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)

    def to_another_class(_classifier: object, images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Brightens the channel after the true one: never the target, unless by chance."""
        changed = images.clone()
        for image, label in zip(changed, truth, strict=True):
            image[(int(label) + 1) % 3] += 0.2
        return changed.clamp(0, 1)

    class Missing(vn.PGD):
        def perturb(self, classifier: Any, images: torch.Tensor, goal: Any, seeds: Any) -> torch.Tensor:
            return to_another_class(classifier, images, goal.labels)

    attack = Missing(eps=0.5, target=2)
    record = vn.analyze(color_net(), pictures, labels, out=tmp_path / "t.zarr", attack=attack)
    # Green becomes blue as asked, red becomes green instead, and blue is exempt.
    info = record.info()
    assert info["attack_success_rate"] == 0.5
    assert info["robust_accuracy"] == pytest.approx(1 / 3)


def test_adversarials_and_an_attack_exclude_each_other(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    with pytest.raises(vn.VulneuronError, match="both an attack and precomputed adversarial images"):
        vn.analyze(
            color_net(), pictures, labels, out=tmp_path / "r.zarr", adversarials=pictures, attack=vn.FGSM()
        )


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_mixed_precision_needs_an_accelerator(tmp_path: Path, precision: Any) -> None:
    pictures, labels = color_pictures()
    options: dict[str, Any] = {"device": "cpu", "precision": precision}
    with pytest.raises(vn.VulneuronError, match=rf"{precision}\) is not supported on the CPU"):
        vn.analyze(color_net(), pictures, labels, out=tmp_path / "r.zarr", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_bad_seed_leaves_no_record(tmp_path: Path, seed: int) -> None:
    pictures, labels = color_pictures()
    with pytest.raises(RunError, match=f"seed is {seed}"):
        vn.analyze(color_net(), pictures, labels, out=tmp_path / "r.zarr", seed=seed)
    assert list(tmp_path.iterdir()) == []


class OtherOnPictures(nn.Module):
    """Adds to the logits of images that are neither dark nor bright anywhere, which no probe is."""

    def __init__(self) -> None:
        super().__init__()
        self.net = color_net()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        low, high = images.flatten(1).aminmax(dim=1)
        logits: torch.Tensor = self.net(images)
        return logits + ((low > 0.3) & (high < 0.6))[:, None]


def test_split_that_fails_on_the_users_images_is_refused(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    with pytest.raises(vn.VulneuronError, match="split"):
        vn.analyze(OtherOnPictures(), pictures, labels, out=tmp_path / "r.zarr")
    assert list(tmp_path.iterdir()) == []


def test_head_that_is_not_linear_records_contributions(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    record = vn.analyze(color_net(mlp=True), pictures, labels, out=tmp_path / "mlp.zarr")
    data = all_arrays(record)
    assert "weight" not in data
    assert record.info()["layers"][0]["head"]["kind"] == "nonlinear"
    assert "gradient x activation" in record.info()["notes"][-1]
    # The head is two diagonal layers and a ReLU that does nothing, so activation x weight is the answer.
    weight = 20 * np.eye(3, 4)
    for label, codes in (("benign", data["benign_label"]), ("adversarial", data["adversarial_label"])):
        expected = data["activation"].values * weight[codes.values][:, None, :]
        np.testing.assert_allclose(data["contribution"].sel(label=label), expected, rtol=1e-4, atol=1e-5)
    assert record.validate().sound


def test_smallest_perturbations_survive_being_stored(tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)

    def just_across(classifier: vn.Classifier, images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Brighten the next channel until its mean is a little above that of the true one."""
        made = images.clone()
        means = images.mean((2, 3))
        for image, mean, label in zip(made, means, truth, strict=True):
            other = (int(label) + 1) % 3
            image[other] += mean[int(label)] - mean[other] + 1.2e-5
        return made

    record = vn.analyze(color_net(), pictures, labels, out=tmp_path / "r.zarr", attack=just_across)
    assert record.info()["attack_success_rate"] == 1


def test_a_final_softmax_is_skipped_and_flagged(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    net = torch.nn.Sequential(*color_net(), torch.nn.Softmax(1))
    record = vn.analyze(net, pictures, labels, out=tmp_path / "r.zarr", attack=vn.PGD(eps=16 / 255))
    assert any("returns probabilities" in flag for flag in record.info()["audit"]["flags"])
    plain = vn.analyze(color_net(), pictures, labels, out=tmp_path / "p.zarr", attack=vn.PGD(eps=16 / 255))
    xr.testing.assert_equal(all_arrays(record), all_arrays(plain))


def test_targeted_attack(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    out = tmp_path / "targeted.zarr"
    record = vn.analyze(
        color_net(),
        pictures,
        labels,
        out=out,
        class_names=CLASS_NAMES,
        target="green",
        attack=vn.PGD(steps=20),
    )
    assert set(record.pairs["adversarial_label"]) == {"green"}
    assert "green" not in set(record.pairs["benign_label"])
    outcomes = record.run_images
    exempt = outcomes[outcomes["outcome"] == "exempt"]
    assert set(exempt["true_label"]) == {"green"}
    assert record.info()["attacked"] == record.info()["correct"] - len(exempt)


def test_unlabeled_images_take_the_models_predictions(tmp_path: Path) -> None:
    pictures, _ = color_pictures()
    record = vn.analyze(color_net(), pictures, out=tmp_path / "flat.zarr", limit=3)
    info = record.info()
    assert info["clean_accuracy"] is None
    assert info["robust_accuracy"] is None
    assert info["images_from"]["labels"] == "the model's own predictions"
    assert info["images"] == info["correct"] == 9
    assert "no labels" in info["notes"][0]


def test_classes_limit_and_most_attacked(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    record = vn.analyze(
        color_net(),
        pictures,
        labels,
        out=tmp_path / "some.zarr",
        class_names=CLASS_NAMES,
        classes=["red", "blue"],
        limit=4,
        most_attacked=1,
    )
    info = record.info()
    assert info["images"] == 8
    assert set(record.run_images["true_label"]) == {"red", "blue"}
    assert record.pairs["benign_label"].nunique() == 1
    assert record.pairs["adversarial_label"].nunique() == 1
    assert info["pairs"] < info["successes"]


def test_adversarial_images_made_elsewhere(record: Record, tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    adversarials = (pictures / np.float32(255)).transpose(0, 3, 1, 2).copy()
    made = record.pairs["image_index"].to_numpy()
    adversarials[made] = record.images(slice(None), "adversarial")
    imported = vn.analyze(
        color_net(),
        pictures,
        labels,
        out=tmp_path / "i.zarr",
        class_names=CLASS_NAMES,
        adversarials=adversarials,
    )
    assert imported.info()["attack"]["name"] == "imported"
    np.testing.assert_array_equal(imported.dataset["image"], record.dataset["image"])
    assert imported.info()["attacked"] == 22


def test_folder_of_classes(tmp_path: Path) -> None:
    record = vn.analyze(
        color_net(),
        str(color_folder(tmp_path / "photos")),
        out=tmp_path / "r.zarr",
        class_names=CLASS_NAMES,
    )
    assert record.info()["clean_accuracy"] == 1
    assert set(record.pairs["benign_label"]) == set(CLASS_NAMES)
    assert record.pairs["image_id"][0].endswith(".png")


def test_no_correct_prediction_leaves_no_record(tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)
    with pytest.raises(RunError, match="classifies none of the 24 images correctly"):
        vn.analyze(color_net(), pictures, (labels + 1) % 3, out=tmp_path / "none.zarr")
    assert list(tmp_path.iterdir()) == []


def test_failing_attack_leaves_no_record(tmp_path: Path) -> None:
    pictures, labels = color_pictures()

    def broken(_classifier: object, images: torch.Tensor, _labels: object) -> torch.Tensor:
        return images + 2

    with pytest.raises(vn.VulneuronError, match="returned pixels"):
        vn.analyze(color_net(), pictures, labels, out=tmp_path / "none.zarr", attack=broken)
    assert list(tmp_path.iterdir()) == []


def test_duplicate_class_names_are_told_apart(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    record = vn.analyze(
        color_net(), pictures, labels, out=tmp_path / "r.zarr", class_names=["crane", "other", "crane"]
    )
    assert record.class_names == ("crane (0)", "other", "crane (2)")
    assert set(record.pairs["benign_label"].cat.categories) == {"crane (0)", "other", "crane (2)"}


@pytest.mark.parametrize("pairs", [1, 2])
def test_very_few_pairs(pairs: int, tmp_path: Path) -> None:
    pictures, labels = color_pictures(wrong=0)
    record = vn.analyze(
        color_net(), pictures[:pairs], labels[:pairs], out=tmp_path / "few.zarr", attack=vn.PGD(eps=16 / 255)
    )
    assert record.info()["pairs"] == pairs
    assert np.isfinite(record.layer().dataset["projection"]).all()
    assert record.validate().sound


@pytest.mark.slow
def test_joint_projection_is_one_map(tmp_path: Path) -> None:
    pictures, labels = color_pictures()
    one = vn.analyze(color_net(), pictures, labels, out=tmp_path / "j.zarr", joint_projection=True)
    two = vn.analyze(color_net(), pictures, labels, out=tmp_path / "t.zarr")
    assert not np.allclose(one.layer().dataset["projection"], two.layer().dataset["projection"])
    # Each t-SNE map is centered; in the joint map, the two sides need not be.
    np.testing.assert_allclose(one.layer().dataset["projection"].mean(("pair", "side")), 0, atol=0.2)
