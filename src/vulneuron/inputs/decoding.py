"""Converts files, PIL images and arrays of several layouts to float32 pixels in [0, 1]."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps

from vulneuron.errors import ImagesError, one_line
from vulneuron.inputs.listing import displayed

# Arithmetic on float32 pixels may leave the range by a few units in the last place.
_RANGE_TOLERANCE = 1e-6
# EXIF orientations that swap rows and columns.
_TRANSPOSED = (5, 6, 7, 8)
# Other modes are checked for values out of range.
_ALWAYS_VALID = ("1", "L", "LA", "P", "RGB", "RGBA")
_END_OF_JPEG, _TAIL = b"\xff\xd9", 64
_WHITE_LEVELS = {np.dtype(np.uint8): np.float32(255), np.dtype(np.uint16): np.float32(65535)}


def decode_file(path: Path, channels: int) -> np.ndarray:
    """Decode an image file at its own size.

    Parameters
    ----------
    path
        A file that Pillow can read, in any mode: gray-scale (1, 8 and 16 bits), palette, RGB, RGBA, CMYK.
    channels
        3 for RGB, 1 for gray-scale.

    Returns
    -------
    numpy.ndarray
        ``(channel, y, x)``, float32 in [0, 1].

    Raises
    ------
    ImagesError
        The file cannot be decoded, or ``channels`` is neither 1 nor 3.
    """
    return pil_to_pixels(open_image(path, channels), channels)


def open_image(path: Path, channels: int) -> Image.Image:
    """Read an image file into memory, upright and in one of the modes of `as_mode`.

    Raises
    ------
    ImagesError
        The file cannot be decoded, or ``channels`` is neither 1 nor 3.
    """
    with _naming(path), Image.open(path) as image:
        image.load()
        return as_mode(ImageOps.exif_transpose(image), channels)


def check_file(path: Path, channels: int) -> tuple[int, int]:
    """Check that a file can be decoded, and return its height and width.

    Decoding is the slow part, so it is left to `open_image` wherever the bytes show that a file is complete:
    PNG has checksums, a JPEG file ends with a marker that its compressed data cannot contain, and WebP
    states its length. Other files are decoded here.

    Raises
    ------
    ImagesError
        The file cannot be decoded.
    """
    with _naming(path), Image.open(path) as image:
        width, height = image.size
        # Looking for EXIF data in a PNG file without any decodes it.
        has_exif = image.format != "PNG" or "exif" in image.info
        if has_exif and image.getexif().get(ExifTags.Base.Orientation) in _TRANSPOSED:
            height, width = width, height
        if image.format == "PNG" and image.mode in _ALWAYS_VALID:
            image.verify()
            complete = True
        else:
            complete = _is_complete(path, image)
    if not complete:
        open_image(path, channels)
    return height, width


def _is_complete(path: Path, image: Image.Image) -> bool:
    if image.format not in ("JPEG", "WEBP"):
        return False
    size = path.stat().st_size
    with path.open("rb") as stream:
        if image.format == "WEBP":
            return size >= 8 + int.from_bytes(stream.read(8)[4:], "little")
        # Metadata may contain a whole JPEG file, with its own end, so a short file is not enough.
        header = sum(len(data) for _, data in getattr(image, "applist", ()))
        stream.seek(max(size - _TAIL, 0))
        return size > header + _TAIL and _END_OF_JPEG in stream.read(_TAIL)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Convert Pillow's exceptions to an error that names the file."""
    try:
        yield
    except ImagesError:
        raise
    # Pillow raises many kinds of errors on damaged files, such as SyntaxError for broken PNG chunks.
    except Exception as error:
        raise ImagesError(
            f"given {displayed(str(path))}, which cannot be decoded ({one_line(error)})",
            allowed="image files that Pillow can read, such as JPEG and PNG",
            fix="repair the file or remove it",
        ) from error


def as_mode(image: Image.Image, channels: int) -> Image.Image:
    """Convert a PIL image to ``RGB`` (3 channels) or ``L`` (1 channel).

    Transparency is dropped, not blended, as in torchvision's loaders. Gray images of more than 8 bits become
    mode ``F`` with values in [0, 255] for any ``channels``, to keep all bits until the pixels are floats;
    `pil_to_pixels` repeats them for RGB.

    Raises
    ------
    ImagesError
        ``channels`` is neither 1 nor 3, or a 32-bit image has values outside of 16 bits (integers) or [0, 1]
        (floats).
    """
    check_channels(channels)
    if image.mode == "F" or image.mode.startswith("I"):
        return _deep_gray(image)
    if image.mode == "P":
        # Through RGBA, because Pillow warns when a palette with transparency is converted directly.
        image = image.convert("RGBA")
    return image.convert("RGB" if channels == 3 else "L")


def check_channels(channels: int) -> None:
    """Refuse image files for a model that takes neither RGB nor gray-scale images."""
    if channels not in (1, 3):
        raise ImagesError(
            f"given image files for a model with {channels} input channels",
            allowed="models with 1 or 3 input channels for image files",
            fix="pass the images as an .npz file or as arrays with that number of channels",
        )


def _deep_gray(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.float64)
    top = 1.0 if image.mode == "F" else 65535.0
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > top:
        raise ImagesError(
            f"given an image of mode {image.mode} with values from {values.min():g} to {values.max():g}",
            allowed="0 to 65535 for integers, 0 to 1 for floats",
            fix="scale the image to 8 or 16 bits",
        )
    return Image.fromarray((values * (255.0 / top)).astype(np.float32))


def pil_to_pixels(image: Image.Image, channels: int) -> np.ndarray:
    """Convert a PIL image in a mode of `as_mode` to ``(channel, y, x)``, float32 in [0, 1]."""
    pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if channels == 3 and len(pixels) == 1:
        pixels = pixels.repeat(3, axis=0)
    # Clipped, as filters with negative lobes (bicubic, Lanczos) leave the range in mode F.
    return np.ascontiguousarray(pixels.clip(0.0, 1.0))


def as_array(values: object) -> np.ndarray:
    """Convert a tensor (any device and float type) or array-like to a NumPy array, uncopied if possible."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    return np.asarray(values)


def to_pixels(array: np.ndarray | torch.Tensor, channels: int) -> np.ndarray:
    """Convert a batch of images to the layout and range used everywhere.

    Parameters
    ----------
    array
        ``(n, y, x)`` (gray-scale), ``(n, y, x, channel)`` or ``(n, channel, y, x)``; uint8 in 0..255, uint16
        in 0..65535, or floats in [0, 1].
    channels
        Input channels of the model. Gray-scale images are repeated for 3 channels.

    Returns
    -------
    numpy.ndarray
        ``(n, channel, y, x)``, float32 in [0, 1], contiguous.

    Raises
    ------
    ImagesError
        Pixels out of range or not finite, another dtype, no images, or a shape that is invalid or ambiguous.
    """
    pixels = scale(channels_first(as_array(array), channels))
    if channels == 3 and pixels.shape[1] == 1:
        pixels = pixels.repeat(3, axis=1)
    return np.ascontiguousarray(pixels)


def channels_first(array: np.ndarray, channels: int) -> np.ndarray:
    """View a batch of images as ``(n, channel, y, x)``; gray-scale images keep a single channel.

    Raises
    ------
    ImagesError
        No images, or a shape that is invalid or ambiguous.
    """
    if array.size == 0:
        raise ImagesError(
            f"given an array of shape {array.shape}, which contains no image",
            allowed="arrays with at least one image",
            fix="check how the array was created",
        )
    if array.ndim == 3:
        return _channels_first_gray(array, channels)
    if array.ndim == 4:
        # One channel is accepted for an RGB model only if no axis has three.
        for count in (channels, 1) if channels == 3 else (channels,):
            first, last = array.shape[1] == count, array.shape[3] == count
            if first and last:
                raise _shape_error(array, channels, f"which could be n,{count},y,x or n,y,x,{count}")
            if first or last:
                return array if first else array.transpose(0, 3, 1, 2)
    raise _shape_error(array, channels, "which does not fit")


def _channels_first_gray(array: np.ndarray, channels: int) -> np.ndarray:
    if channels not in (1, 3):
        raise _shape_error(array, channels, "which has no channel axis")
    one_image = array.shape[2] in (1, 3) or (array.shape[0] == 3 and channels == 3)
    if one_image:
        raise _shape_error(array, channels, "which could be a single image or gray-scale images")
    return array[:, None]


def _shape_error(array: np.ndarray, channels: int, reason: str) -> ImagesError:
    gray = " (or n,y,x for gray-scale)" if channels in (1, 3) else ""
    return ImagesError(
        f"given images of shape {array.shape} for a model with {channels} input channels, {reason}",
        allowed=f"n,{channels},y,x or n,y,x,{channels}{gray}",
        fix=f"reshape the array to n,{channels},y,x",
    )


def scale(array: np.ndarray) -> np.ndarray:
    """Convert pixels of any shape and an accepted dtype to float32 in [0, 1].

    Raises
    ------
    ImagesError
        Like `check_pixels`.
    """
    check_pixels(array)
    if array.dtype in _WHITE_LEVELS:
        return array.astype(np.float32) / _WHITE_LEVELS[array.dtype]
    return array.astype(np.float32).clip(0.0, 1.0)


def check_pixels(array: np.ndarray) -> None:
    """Refuse pixels that are neither uint8, nor uint16, nor floats in [0, 1].

    Raises
    ------
    ImagesError
        Another dtype, or values out of range or not finite.
    """
    if array.dtype in _WHITE_LEVELS:
        return
    if not np.issubdtype(array.dtype, np.floating):
        raise ImagesError(
            f"given pixels of dtype {array.dtype}",
            allowed="uint8 in 0..255, uint16 in 0..65535, or floats in [0, 1]",
            fix="convert the array with .astype('uint8') if its values are 0 to 255",
        )
    if not np.isfinite(array).all():
        count = int(array.size - np.isfinite(array).sum())
        raise ImagesError(
            f"given {count} pixels that are NaN or infinite",
            allowed="finite floats in [0, 1]",
            fix="check how the array was created",
        )
    low, high = float(array.min()), float(array.max())
    if low < -_RANGE_TOLERANCE or high > 1 + _RANGE_TOLERANCE:
        raise ImagesError(
            f"given pixels from {low:g} to {high:g}",
            allowed="uint8 in 0..255, or floats in [0, 1]",
            fix="undo the normalization, which is part of the model (mean and std)"
            if low < 0
            else "Divide the array by its largest possible value, such as 255",
        )
