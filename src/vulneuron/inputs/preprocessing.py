"""Resizes and crops images to a model's input size."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from PIL import Image

from vulneuron.errors import ImagesError

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side, then crop the center: the evaluation transform of torchvision and timm.

    Attributes
    ----------
    height, width
        Size of the result, in pixels.
    resize
        Length of the shorter side before the crop; None for the smallest image that covers
        ``(height, width)``, which leaves an image of that size unchanged. The aspect ratio is always kept.
    interpolation
        "nearest", "bilinear", "bicubic" or "lanczos"; antialiased, except for "nearest".

    Raises
    ------
    ImagesError
        A size is not positive, ``resize`` is smaller than the result, or the interpolation is unknown.
    """

    height: int
    width: int
    resize: int | None = None
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ImagesError(
                f"given an image size of {self.height}x{self.width}",
                allowed="positive numbers of pixels",
                fix="pass the model's input size, such as --image-size 224",
            )
        side = max(self.height, self.width)
        if self.resize is not None and self.resize < side:
            raise ImagesError(
                f"given a resize to {self.resize} before a crop of {self.height}x{self.width}",
                allowed=f"{side} or more",
                fix="use a larger resize, or leave it out",
            )
        if self.interpolation not in get_args(Interpolation):
            raise ImagesError(
                f"given the interpolation {self.interpolation!r}",
                allowed=", ".join(get_args(Interpolation)),
                fix="choose one of these",
            )

    def apply_pil(self, image: Image.Image) -> Image.Image:
        """Resize and crop a PIL image."""
        height, width = self._resized(image.height, image.width)
        if (height, width) != (image.height, image.width):
            image = image.resize((width, height), Image.Resampling[self.interpolation.upper()])
        # Python rounds halves to even here, as torchvision's center crop does.
        top, left = round((height - self.height) / 2), round((width - self.width) / 2)
        return image.crop((left, top, left + self.width, top + self.height))

    def apply_array(self, pixels: np.ndarray) -> np.ndarray:
        """Resize and crop pixels ``(channel, y, x)``, float32 in [0, 1], unless they already have the size.

        Same filters as `apply_pil`, in floating point without rounding to 8 bits.
        """
        if pixels.shape[1:] == (self.height, self.width):
            return pixels
        planes = [np.asarray(self.apply_pil(Image.fromarray(plane))) for plane in pixels]
        # Bicubic and Lanczos filters have negative lobes.
        return np.stack(planes).clip(0.0, 1.0)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.resize is not None:
            if height <= width:
                return self.resize, int(self.resize * width / height)
            return int(self.resize * height / width), self.resize
        if self.height * width >= self.width * height:
            return self.height, max(self.width, int(self.height * width / height))
        return max(self.height, int(self.width * height / width)), self.width


def parse_image_size(text: str) -> tuple[int, int]:
    """Height and width of ``SIDE`` or ``HEIGHTxWIDTH``.

    Raises
    ------
    ImagesError
        The text is neither.
    """
    height, _, width = text.lower().partition("x")
    sides = [side.strip() for side in (height, width if "x" in text.lower() else height)]
    if not all(side.isascii() and side.isdigit() for side in sides):
        raise ImagesError(
            f"given the image size {text!r}",
            allowed="SIDE or HEIGHTxWIDTH, in pixels",
            fix="pass the model's input size, such as --image-size 224 or --image-size 96x160",
        )
    return int(sides[0]), int(sides[1])


def override(
    base: Preprocessing | None,
    *,
    image_size: int | tuple[int, int] | None = None,
    resize: int | None = None,
    interpolation: Interpolation | None = None,
) -> Preprocessing | None:
    """Override parts of a model's preprocessing.

    Parameters
    ----------
    base
        The model's own preprocessing; None if it has none.
    image_size
        Side of a square, or ``(height, width)``. A new size without ``resize`` also drops the model's resize:
        images of that size stay unchanged, others are resized to cover it and cropped.
    resize, interpolation
        As in `Preprocessing`.

    Returns
    -------
    Preprocessing or None
        None without ``base`` and ``image_size``: images keep their own size.

    Raises
    ------
    ImagesError
        ``resize`` or ``interpolation`` without an image size, or an invalid value.
    """
    if image_size is not None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        default = base.interpolation if base is not None else "bilinear"
        return Preprocessing(height, width, resize, interpolation or default)
    if base is not None:
        return Preprocessing(
            base.height,
            base.width,
            base.resize if resize is None else resize,
            interpolation or base.interpolation,
        )
    if resize is not None or interpolation is not None:
        raise ImagesError(
            f"given resize {resize} and interpolation {interpolation} without an image size",
            allowed="these together with an image size, if the model has none",
            fix="also pass --image-size",
        )
    return None
