"""Opens images and labels them in one call."""

from collections.abc import Sequence

from vulneuron.inputs.image_source import Images
from vulneuron.inputs.images import open_images
from vulneuron.inputs.preprocessing import Preprocessing


def load_images(
    source: object,
    *,
    classes: int,
    labels: object = None,
    class_names: Sequence[str] | None = None,
    channels: int = 3,
    preprocessing: Preprocessing | None = None,
) -> Images:
    images = open_images(source, channels=channels, preprocessing=preprocessing)
    return images.labeled(classes, labels=labels, class_names=class_names)
