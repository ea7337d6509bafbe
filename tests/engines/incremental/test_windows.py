"""Reading and pasting regions, compared with slices of one feature map at a time."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st

from engines.incremental.test_regions import read_by, slides
from vulneuron.engines.incremental.regions import Slide
from vulneuron.engines.incremental.windows import Axis, Background, Place, Region

HEIGHT, WIDTH, BORDER = 7, 9, 6


def place(rows: list[int], height: int, columns: list[int], width: int) -> Place:
    return Place(Axis(torch.tensor(rows), height), Axis(torch.tensor(columns), width))


WANTED = place([-2, 0, 3, 5], 4, [6, -1, 4, 0], 5)


@given(slides, st.integers(0, 9), st.integers(1, 6))
def test_windows_cover_exactly_the_inputs_of_the_outputs(slide: Slide, start: int, size: int) -> None:
    axis = Axis(torch.tensor([start]), size).read_by(slide)
    read = [cell for output in range(start, start + size) for cell in read_by(slide, output)]
    assert (int(axis.start), int(axis.start) + axis.size - 1) == (min(read), max(read))


def test_cut_equals_a_slice_of_the_padded_feature_map() -> None:
    features = torch.rand(1, 3, HEIGHT, WIDTH)
    padded = F.pad(features[0], [BORDER] * 4)
    windows = Background(features).cut(WANTED)
    for window, i, j in zip(windows, WANTED.rows.start.tolist(), WANTED.columns.start.tolist(), strict=True):
        assert torch.equal(window, padded[:, i + BORDER : i + BORDER + 4, j + BORDER : j + BORDER + 5])


@pytest.mark.parametrize("fill", [0.0, -torch.inf])
def test_around_equals_a_slice_of_the_pasted_feature_map(fill: float) -> None:
    features, region = torch.rand(1, 3, HEIGHT, WIDTH), place([0, 4, 2, 1], 3, [0, 5, 3, 2], 4)
    values = torch.rand(4, 3, 3, 4).contiguous(memory_format=torch.channels_last)
    background = Background(features)
    windows, whole = (
        background.around(Region(values, region), WANTED, fill),
        background.whole(Region(values, region)),
    )
    for n in range(4):
        pasted = features[0].clone()
        i, j = int(region.rows.start[n]), int(region.columns.start[n])
        pasted[:, i : i + 3, j : j + 4] = values[n]
        assert torch.equal(whole[n], pasted)
        padded = F.pad(pasted, [BORDER] * 4, value=fill)
        i, j = int(WANTED.rows.start[n]) + BORDER, int(WANTED.columns.start[n]) + BORDER
        assert torch.equal(windows[n], padded[:, i : i + 4, j : j + 5])


def test_a_region_already_in_place_is_not_copied() -> None:
    region = Region(torch.rand(4, 3, 4, 5), WANTED)
    same = place([-2, 0, 3, 5], 4, [6, -1, 4, 0], 5)
    assert Background(torch.rand(1, 3, HEIGHT, WIDTH)).around(region, same) is region.values
