"""Contract tests of engines for vulnerability maps."""

import pytest
import torch

from vulneuron.engines import Engine, substituted
from vulneuron.testing.attacks import small_classifier


class EngineTests:
    """Contract of every engine: it gives the logits of the network for each substituted image.

    Inherit from this class, and provide the fixture `engine`.
    """

    @pytest.fixture
    def engine(self) -> Engine:
        """The engine to test."""
        pytest.fail("provide the fixture `engine`")

    @pytest.mark.parametrize("patch", [2, 4])
    @pytest.mark.parametrize("batch_size", [None, 1, 7])
    def test_logits_are_those_of_each_substituted_image(
        self, engine: Engine, patch: int, batch_size: int | None
    ) -> None:
        """Every position occurs once, in any order, with the network's logits for that image."""
        classifier = small_classifier()
        benign, adversarial = torch.rand(
            2, *classifier.input_shape, generator=torch.Generator().manual_seed(2)
        )
        centers = torch.cartesian_prod(torch.arange(0, 8, 2), torch.arange(0, 8, 3))
        logits = torch.full((len(centers), classifier.classes), torch.nan)
        for batch in engine(classifier, benign, adversarial, centers, patch=patch, batch_size=batch_size):
            assert torch.isnan(logits[batch.indices]).all()
            logits[batch.indices] = batch.logits.cpu()
        images = substituted(benign, adversarial, centers, patch=patch)
        expected = torch.cat([classifier.logits(image[None]) for image in images])
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)

    def test_name_is_short(self, engine: Engine) -> None:
        """The name is stored with the maps."""
        assert engine.name.isidentifier()
