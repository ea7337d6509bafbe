"""Decoding of files and arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vulneuron.errors import ImagesError
from vulneuron.inputs.decoding import as_mode, decode_file, to_pixels

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_rgb_files_are_decoded_exactly(tmp_path: Path) -> None:
    pixels = decode_file(save(tmp_path / "a.png", Image.fromarray(RGB)), 3)
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, RGB.transpose(2, 0, 1).astype(np.float32) / 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_files_of_any_mode_are_decoded(tmp_path: Path, mode: str, channels: int) -> None:
    image = Image.fromarray(RGB).convert(mode)
    suffix = "tif" if mode in ("CMYK", "YCbCr") else "png"
    pixels = decode_file(save(tmp_path / f"a.{suffix}", image), channels)
    expected = np.asarray(image.convert("RGB" if channels == 3 else "L"), dtype=np.float32) / 255
    assert pixels.shape == (channels, 5, 7)
    np.testing.assert_allclose(pixels, np.atleast_3d(expected).transpose(2, 0, 1), atol=1e-6)


def test_transparency_is_dropped_and_not_blended(tmp_path: Path) -> None:
    transparent = np.dstack([RGB, np.zeros((5, 7), np.uint8)])
    pixels = decode_file(save(tmp_path / "a.png", Image.fromarray(transparent)), 3)
    np.testing.assert_allclose(pixels, RGB.transpose(2, 0, 1) / 255, atol=1e-6)


@pytest.mark.parametrize("transparency", [2, bytes([0, 255, 255, 0])])
def test_palettes_with_transparency_are_decoded(tmp_path: Path, transparency: int | bytes) -> None:
    palette = Image.new("P", (4, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    palette.putdata([0, 1, 2, 3])
    pixels = decode_file(save(tmp_path / "a.png", palette, transparency=transparency), 3)
    expected = np.vstack([np.eye(3), np.full((1, 3), 9 / 255)])
    np.testing.assert_allclose(pixels[:, 0].T, expected, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_kept(tmp_path: Path, channels: int) -> None:
    gray = np.array([[0, 1, 257], [40000, 65534, 65535]], dtype=np.uint16)
    path = save(tmp_path / "a.png", Image.fromarray(gray))
    pixels = decode_file(path, channels)
    np.testing.assert_allclose(pixels, np.broadcast_to(gray / 65535, (channels, 2, 3)), atol=1e-7)


def test_integer_and_float_images_are_scaled(tmp_path: Path) -> None:
    integers = Image.fromarray(np.array([[0, 65535]], dtype=np.int32))
    np.testing.assert_array_equal(decode_file(save(tmp_path / "i.tif", integers), 1), [[[0, 1]]])
    floats = Image.fromarray(np.array([[0, 0.25]], dtype=np.float32))
    np.testing.assert_array_equal(decode_file(save(tmp_path / "f.tif", floats), 1), [[[0, 0.25]]])
    for bad in (
        np.array([[70000]], np.int32),
        np.array([[1.5]], np.float32),
        np.array([[np.nan]], np.float32),
    ):
        with pytest.raises(ImagesError, match=r"values from .* Allowed: 0 to 65535 .* Scale the image"):
            as_mode(Image.fromarray(bad), 1)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(RGB)
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    pixels = decode_file(save(tmp_path / "a.png", image, exif=exif), 3)
    expected = np.rot90(RGB, k=-1).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"no image", "cut"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes | str) -> None:
    path = tmp_path / "broken.png"
    if content == "cut":
        Image.effect_noise((64, 64), 50).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.write_bytes(bytes(content, "ascii") if isinstance(content, str) else content)
    with pytest.raises(
        ImagesError, match=r"broken\.png, which cannot be decoded .* Allowed: .* Repair the file"
    ):
        decode_file(path, 3)


def test_other_numbers_of_channels_are_refused_for_files(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    with pytest.raises(ImagesError, match=r"4 input channels\. Allowed: .* 1 or 3 .* \.npz"):
        decode_file(path, 4)


CHW = torch.from_numpy(RGB.transpose(2, 0, 1).copy())


@pytest.mark.parametrize(
    "array",
    [
        RGB[None],
        CHW[None],
        CHW[None] / 255,
        (CHW[None] / 255).double().numpy(),
        CHW[None].numpy().astype(np.uint16) * 257,
        (CHW[None] / 255).requires_grad_(),
    ],
)
def test_arrays_of_any_layout_and_dtype_give_the_same_pixels(array: np.ndarray | torch.Tensor) -> None:
    pixels = to_pixels(array, 3)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, CHW[None].numpy() / 255, atol=1e-7)


def test_half_precision_is_converted() -> None:
    for dtype, tolerance in ((torch.float16, 1e-3), (torch.bfloat16, 4e-3)):
        pixels = to_pixels((CHW[None] / 255).to(dtype), 3)
        np.testing.assert_allclose(pixels, CHW[None].numpy() / 255, atol=tolerance)


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 28, 28, 1), (2, 1, 28, 28)])
@pytest.mark.parametrize("channels", [1, 3])
def test_gray_arrays_of_any_layout(shape: tuple[int, ...], channels: int) -> None:
    array = np.random.default_rng(1).random(shape, dtype=np.float32)
    pixels = to_pixels(array, channels)
    np.testing.assert_array_equal(pixels, np.broadcast_to(array.reshape(2, 1, 28, 28), (2, channels, 28, 28)))


def test_arrays_may_have_other_numbers_of_channels() -> None:
    assert to_pixels(np.zeros((2, 8, 9, 4)), 4).shape == (2, 4, 8, 9)
    assert to_pixels(np.zeros((2, 4, 8, 9)), 4).shape == (2, 4, 8, 9)


def test_rounding_errors_beyond_the_range_are_clipped() -> None:
    pixels = to_pixels(np.array([-1e-7, 1 + 1e-7]).reshape(1, 1, 1, 2), 1)
    assert pixels.min() == 0
    assert pixels.max() == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-2.1, r"from -2\.1 to 0\. Allowed: uint8 .*\[0, 1\]\. Undo the normalization"),
        (255.0, r"from 0 to 255\. Allowed: uint8 .*\[0, 1\]\. Divide"),
        (np.nan, r"1 pixels that are NaN or infinite\. Allowed: finite .* Check"),
        (np.inf, r"1 pixels that are NaN or infinite"),
    ],
)
def test_bad_pixels_are_refused(value: float, message: str) -> None:
    array = np.zeros((2, 3, 4, 4), np.float32)
    array[1, 2, 3, 3] = value
    with pytest.raises(ImagesError, match=message):
        to_pixels(array, 3)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, complex])
def test_other_dtypes_are_refused(dtype: type) -> None:
    with pytest.raises(ImagesError, match=r"dtype .* Allowed: uint8 .* uint16 .* floats .* Convert"):
        to_pixels(np.zeros((2, 3, 4, 4), dtype), 3)


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((32, 32, 3), 3, r"\(32, 32, 3\) .* single image .* Allowed: n,3,y,x .* Reshape"),
        ((3, 32, 32), 3, "single image"),
        ((32, 32, 1), 1, "single image"),
        ((2, 3, 8, 3), 3, r"could be n,3,y,x or n,y,x,3"),
        ((2, 1, 8, 1), 3, r"could be n,1,y,x or n,y,x,1"),
        ((2, 4, 8, 8), 3, "does not fit"),
        ((2, 3, 8, 8), 1, "does not fit"),
        ((2, 8, 8), 4, r"no channel axis\. Allowed: n,4,y,x or n,y,x,4\."),
        ((8, 8), 3, "does not fit"),
        ((1, 2, 3, 8, 8), 3, "does not fit"),
        ((0, 3, 8, 8), 3, r"\(0, 3, 8, 8\), which contains no image"),
        ((2, 3, 0, 8), 3, "contains no image"),
    ],
)
def test_bad_shapes_are_refused(shape: tuple[int, ...], channels: int, message: str) -> None:
    with pytest.raises(ImagesError, match=message):
        to_pixels(np.zeros(shape, np.uint8), channels)
