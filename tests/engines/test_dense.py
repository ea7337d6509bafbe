"""The dense engine compared with one image at a time, sliced as in the paper's Algorithm 1."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from nets import INPUT_SHAPE, NETS, randomized
from vulneuron.engines import Batch, Dense, Watch, substituted
from vulneuron.errors import Cancelled
from vulneuron.maps.grid import PatchGrid
from vulneuron.network import Classifier


def substituted_slowly(benign: Tensor, adversarial: Tensor, i: int, j: int, patch: int) -> Tensor:
    """Lines 7 and 8, with clipped slices."""
    image, half = benign.clone(), patch // 2
    rows, columns = slice(max(i - half, 0), i + half), slice(max(j - half, 0), j + half)
    image[:, rows, columns] = adversarial[:, rows, columns]
    return image


@pytest.mark.parametrize(("patch", "stride"), [(2, 1), (4, 3), (10, 2), (26, 4)])
def test_substituted_images_equal_those_from_slices(patch: int, stride: int) -> None:
    benign, adversarial = torch.rand(2, 3, 9, 13)
    centers = PatchGrid((9, 13), patch, stride).centers()
    images = substituted(benign, adversarial, torch.from_numpy(centers), patch=patch)
    expected = [substituted_slowly(benign, adversarial, i, j, patch) for i, j in centers.tolist()]
    assert torch.equal(images, torch.stack(expected))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("batch_size", [7, 100])
def test_logits_equal_those_of_one_image_at_a_time(net: str, batch_size: int) -> None:
    classifier = Classifier(randomized(NETS[net][0]()), input_shape=INPUT_SHAPE, device="cpu")
    benign, adversarial = torch.rand(2, *INPUT_SHAPE)
    centers = torch.from_numpy(PatchGrid((16, 16), 6, 3).centers())[1::2]
    batches = list(Dense()(classifier, benign, adversarial, centers, patch=6, batch_size=batch_size))
    assert max(len(batch) for batch in batches) <= batch_size
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(len(centers)))
    expected = [
        classifier.logits(substituted_slowly(benign, adversarial, i, j, 6)[None]) for i, j in centers.tolist()
    ]
    torch.testing.assert_close(
        torch.cat([batch.logits for batch in batches]), torch.cat(expected), rtol=0, atol=1e-5
    )


def test_no_centers_give_no_batch() -> None:
    classifier = Classifier(NETS["average pooled"][0](), input_shape=INPUT_SHAPE, device="cpu")
    benign, adversarial = torch.rand(2, *INPUT_SHAPE)
    none = torch.zeros((0, 2), dtype=torch.int64)
    assert not list(Dense()(classifier, benign, adversarial, none, patch=4, batch_size=8))


def test_a_watch_reports_progress_and_yields_the_batches() -> None:
    reports: list[tuple[int, int]] = []
    batches = [Batch(torch.arange(count), torch.ones(count, 3)) for count in (4, 4, 2)]
    watch = Watch(lambda *counts: reports.append(counts))
    assert list(watch.over(iter(batches), 10)) == batches
    assert reports == [(4, 10), (8, 10), (10, 10)]


def test_cancelling_stops_before_the_next_batch() -> None:
    computed: list[Batch] = []

    def batches() -> Iterator[Batch]:
        for _ in range(5):
            computed.append(Batch(torch.arange(2), torch.zeros(2, 3)))
            yield computed[-1]

    with pytest.raises(Cancelled, match="cancelled after 4 of 10 patches"):
        list(Watch(cancelled=lambda: len(computed) == 2).over(batches(), 10))
    assert len(computed) == 2
