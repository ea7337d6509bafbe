"""The demo: real photographs, a real network, and a record of both."""

from pathlib import Path

import numpy as np
import torch

import vulneuron as vn
from vulneuron import demo


def test_views_are_seeded_and_the_first_is_the_centre_crop() -> None:
    views, again = demo.demo_images(views=3), demo.demo_images(views=3)
    assert views.images.shape == (60, 224, 224, 3)
    np.testing.assert_array_equal(views.images, again.images)
    np.testing.assert_array_equal(views.labels, np.repeat(views.labels[::3], 3))
    np.testing.assert_array_equal(demo.demo_images(views=1).images, views.images[::3])
    assert not np.array_equal(views.images[1], views.images[2])
    assert not np.array_equal(demo.demo_images(views=2, seed=1).images[1], views.images[1])


def test_network_knows_most_of_the_photographs() -> None:
    photographs = demo.demo_images(views=1)
    pixels = torch.from_numpy(photographs.images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        predicted = demo.demo_model()((pixels - 0.5) / 0.5).argmax(1).numpy()
    assert (predicted == photographs.labels).sum() == 18


def test_record_of_a_small_demo(tmp_path: Path) -> None:
    record = demo.run_demo(tmp_path / "demo.zarr", views=1)
    info = record.info()
    assert info["neurons"] == 1280
    assert info["correct"] == 18
    assert info["pairs"] == info["successes"] > 12
    assert info["split_error"] <= 1e-4
    assert record.validate().sound
    # The network can be loaded again from what the record says.
    assert vn.load_classifier(record).neurons == 1280
