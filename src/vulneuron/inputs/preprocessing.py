"""Resizing and cropping of images to the size that a model reads."""

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
        ``(height, width)``, so that an image of that size is left as it is. The aspect ratio is always kept.
    interpolation
        "nearest", "bilinear", "bicubic" or "lanczos"; with antialiasing (but for "nearest").

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
                fix="Give the size that the model reads, such as --image-size 224",
            )
        side = max(self.height, self.width)
        if self.resize is not None and self.resize < side:
            raise ImagesError(
                f"given a resize to {self.resize} before a crop of {self.height}x{self.width}",
                allowed=f"{side} or more",
                fix="Give a larger resize or leave it out",
            )
        if self.interpolation not in get_args(Interpolation):
            raise ImagesError(
                f"given the interpolation {self.interpolation!r}",
                allowed=", ".join(get_args(Interpolation)),
                fix="Choose one of these",
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
        """Resize and crop pixels ``(channel, y, x)``, float32 in [0, 1], unless they have the size already.

        The filters are those of `apply_pil`, in floating point and without rounding to 8 bits.
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


def override(
    base: Preprocessing | None,
    *,
    image_size: int | tuple[int, int] | None = None,
    resize: int | None = None,
    interpolation: Interpolation | None = None,
) -> Preprocessing | None:
    """Replace parts of a model's preprocessing by what a user asks for.

    Parameters
    ----------
    base
        The model's own preprocessing; None if it has none.
    image_size
        Side of a square, or ``(height, width)``. A new size without ``resize`` also drops the model's resize:
        images of that size are then taken as they are, others are fitted and cropped.
    resize, interpolation
        As in `Preprocessing`.

    Returns
    -------
    Preprocessing or None
        None if there is neither a ``base`` nor an ``image_size``: images are taken at their own size.

    Raises
    ------
    ImagesError
        ``resize`` or ``interpolation`` without any image size, or a bad value.
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
            allowed="these together with an image size, where the model does not bring one",
            fix="Give --image-size too",
        )
    return None
