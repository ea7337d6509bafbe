"""Resizing and cropping, compared with torchvision's transforms."""

import numpy as np
import pytest
import torch
import torchvision.models
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import InterpolationMode

from vulneuron.errors import ImagesError
from vulneuron.inputs.preprocessing import Interpolation, Preprocessing, override

SIZES = [(300, 200), (200, 301), (64, 64), (33, 47), (40, 500)]


def picture(height: int, width: int) -> Image.Image:
    noise = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def tensor(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32).transpose(2, 0, 1) / 255


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("resize", "crop"), [(64, 56), (64, 64), (73, 48)])
def test_resizing_equals_torchvision(
    size: tuple[int, int], interpolation: Interpolation, resize: int, crop: int
) -> None:
    expected = v2.Compose([v2.Resize(resize, InterpolationMode(interpolation)), v2.CenterCrop(crop)])
    image = picture(*size)
    got = Preprocessing(crop, crop, resize, interpolation).apply_pil(image)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(expected(image)))


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "swin_t"])
def test_preprocessing_equals_the_transforms_of_trained_weights(name: str) -> None:
    transform = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    preprocessing = Preprocessing(
        transform.crop_size[0],
        transform.crop_size[0],
        transform.resize_size[0],
        transform.interpolation.value,
    )
    image = picture(280, 333)
    mean, std = torch.tensor(transform.mean).reshape(3, 1, 1), torch.tensor(transform.std).reshape(3, 1, 1)
    ours = (torch.from_numpy(tensor(preprocessing.apply_pil(image))) - mean) / std
    torch.testing.assert_close(ours, transform(image), atol=0, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_arrays_equal_torchvisions_antialiased_tensors(
    size: tuple[int, int], interpolation: Interpolation
) -> None:
    pixels = tensor(picture(*size))
    transform = v2.Compose(
        [v2.Resize(64, InterpolationMode(interpolation), antialias=True), v2.CenterCrop(56)]
    )
    expected = transform(torch.from_numpy(pixels)).clamp(0, 1).numpy()
    got = Preprocessing(56, 56, 64, interpolation).apply_array(pixels)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_arrays_of_the_right_size_are_unchanged() -> None:
    pixels = tensor(picture(56, 56))
    np.testing.assert_array_equal(Preprocessing(56, 56, 64).apply_array(pixels), pixels)


@pytest.mark.parametrize("size", [*SIZES, (20, 31)])
@pytest.mark.parametrize(("height", "width"), [(48, 48), (32, 64), (64, 32)])
def test_without_resize_the_image_just_covers_the_result(
    size: tuple[int, int], height: int, width: int
) -> None:
    # A horizontal ramp, whose slope gives the resize factor.
    factor = max(height / size[0], width / size[1])
    ramp = np.broadcast_to(np.arange(size[1], dtype=np.float32) / size[1], size)[None]
    got = Preprocessing(height, width).apply_array(np.ascontiguousarray(ramp))
    assert got.shape == (1, height, width)
    middle = got[0, height // 2]
    slope = float(middle[width // 2 + 4] - middle[width // 2 - 4]) / 8
    assert slope == pytest.approx(1 / size[1] / factor, rel=0.05)


def test_without_resize_an_image_of_that_size_is_unchanged() -> None:
    image = picture(30, 40)
    np.testing.assert_array_equal(np.asarray(Preprocessing(30, 40).apply_pil(image)), np.asarray(image))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8), r"image size of 0x8\. Allowed: positive .* --image-size"),
        ((8, -1), "image size of 8x-1"),
        ((32, 32, 30), r"resize to 30 before a crop of 32x32\. Allowed: 32 or more\. Use a larger"),
        ((32, 64, 40), r"Allowed: 64 or more"),
        ((32, 32, None, "cubic"), r"'cubic'\. Allowed: nearest, bilinear, bicubic, lanczos\. Choose"),
    ],
)
def test_bad_values_are_refused(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        Preprocessing(*arguments)


def test_override_replaces_parts() -> None:
    base = Preprocessing(224, 224, 256, "bicubic")
    assert override(base) == base
    assert override(base, resize=240) == Preprocessing(224, 224, 240, "bicubic")
    assert override(base, interpolation="nearest") == Preprocessing(224, 224, 256, "nearest")
    # The model's resize belongs to the model's size.
    assert override(base, image_size=32) == Preprocessing(32, 32, None, "bicubic")
    assert override(base, image_size=(32, 48), resize=64) == Preprocessing(32, 48, 64, "bicubic")
    assert override(None) is None
    assert override(None, image_size=32) == Preprocessing(32, 32, None, "bilinear")
    with pytest.raises(ImagesError, match=r"resize 40 .* without an image size\. Allowed: .* --image-size"):
        override(None, resize=40)
