"""Images, thumbnails, and what is kept of them."""

import io

import numpy as np
import pytest
from PIL import Image

import vulneuron as vn
from runs import SIDE
from served import Served, assert_error
from vulneuron.server.pixels import Pixels
from vulneuron.server.responses import Cell, cell_of, difference, sprite, to_png


def picture(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


@pytest.mark.parametrize("side", ["benign", "adversarial"])
def test_image(served: Served, side: str) -> None:
    expected = np.rint(served.truth.record.images(3, side) * 255).astype(np.uint8)
    response = served.get(f"/pairs/3/images/{side}.png")
    assert response.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(picture(response.content), np.moveaxis(expected, 0, -1))


def test_difference_uses_the_full_scale(served: Served) -> None:
    benign, adversarial = (served.truth.record.images(3, side) for side in ("benign", "adversarial"))
    change = np.moveaxis(adversarial - benign, 0, -1).astype(np.float64)
    shown = picture(served.get("/pairs/3/images/difference.png").content).astype(np.float64)
    np.testing.assert_allclose(shown, 127.5 + 127.5 * change / np.abs(change).max(), atol=0.51)
    assert {shown.min(), shown.max()} & {0.0, 255.0}


def test_difference_of_equal_images_is_gray() -> None:
    image = np.full((3, 4, 5), 0.3, np.float32)
    assert set(np.unique(difference(image, image))) == {128}


def test_thumbnails_of_small_images_are_the_images(served: Served) -> None:
    response = served.get("/thumbnails", pairs="4,0-1", size=64)
    assert (response.headers["x-cell-width"], response.headers["x-cell-height"]) == (str(SIDE), str(SIDE))
    shown = picture(response.content)
    assert shown.shape == (3 * SIDE, 2 * SIDE, 3)
    for row, pair in enumerate([4, 0, 1]):
        for column, side in enumerate(("benign", "adversarial")):
            cell = shown[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
            expected = np.rint(served.truth.record.images(pair, side) * 255)
            np.testing.assert_array_equal(cell, np.moveaxis(expected, 0, -1))


def test_thumbnails_are_scaled_down(served: Served) -> None:
    response = served.get("/thumbnails", pairs="2", size=8)
    shown = picture(response.content)
    assert shown.shape == (8, 16, 3)
    benign = served.truth.record.images(2, "benign") * 255
    assert abs(shown[:, :8].mean() - benign.mean()) < 1.5


@pytest.mark.parametrize(
    ("width", "height", "cell"),
    [(32, 32, (32, 32)), (200, 100, (64, 32)), (3, 300, (1, 64)), (64, 64, (64, 64))],
)
def test_cell_keeps_the_aspect(width: int, height: int, cell: tuple[int, int]) -> None:
    assert cell_of(width, height, 64) == Cell(*cell)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (5, "RGB")])
def test_any_number_of_channels(channels: int, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(to_png(pixels))) as image:
        assert (image.mode, image.size) == (mode, (4, 6))
        np.testing.assert_array_equal(
            np.asarray(image).reshape(6, 4, -1), pixels[..., : 1 if channels < 3 else 3]
        )
    tall = sprite(np.stack([[pixels, pixels]] * 3), Cell(2, 3))
    assert picture(tall).shape[:2] == (9, 4)


def test_too_many_thumbnails(served: Served) -> None:
    assert_error(served.get("/thumbnails", pairs=",".join(["1"] * 257)), 422, "257 pairs", "at most 256")


def test_pixels_keep_to_their_budget(served: Served) -> None:
    record = vn.open_record(served.path)
    whole, small = Pixels(record), Pixels(record, budget=1)
    assert whole.fits
    assert not small.fits
    pairs = np.array([5, 0, 5, len(record.pairs) - 1])
    expected = whole.read(pairs)
    np.testing.assert_array_equal(small.read(pairs), expected)
    whole.load_all()
    np.testing.assert_array_equal(whole.read(pairs), expected)
    stored = np.rint(record.images(pairs, "adversarial") * 255)
    np.testing.assert_array_equal(expected[:, 1], np.moveaxis(stored, 1, -1))
