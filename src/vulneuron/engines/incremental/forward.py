"""Runs a batch of substituted images through a network: changed regions first, then whole feature maps."""

from typing import Any

import torch
from torch import Tensor, fx

from vulneuron.engines.dense import substituted
from vulneuron.engines.incremental.geometry import PatchBatch, PatchSpans
from vulneuron.engines.incremental.operations import Affine, Mean, Sliding
from vulneuron.engines.incremental.steps import NetworkStep, NetworkSteps
from vulneuron.engines.incremental.windows import Background, Place, Region, cut_each
from vulneuron.network.devices import device_clock

Regions = dict[fx.Node, Region]


class PatchedForward:
    """Forward passes of a benign image with patches of an adversarial one.

    The network's feature maps on the benign image are computed once; each pass computes only changed regions.

    Parameters
    ----------
    steps
        The network.
    spans
        Regions that patches of this size can change.
    benign, adversarial
        ``(channel, y, x)``; copied.
    device
        The network's device.
    """

    @torch.inference_mode()
    def __init__(
        self,
        steps: NetworkSteps,
        spans: PatchSpans,
        benign: Tensor,
        adversarial: Tensor,
        device: torch.device,
    ) -> None:
        self._steps, self.spans, self.device = steps, spans, device
        self.benign, self.adversarial = (
            image.to(device)[None].clone(memory_format=torch.channels_last)[0]
            for image in (benign, adversarial)
        )
        self._adversarial_background = Background(self.adversarial[None])
        self._clock = device_clock(device)
        self._backgrounds = {steps.image: Background(self.benign[None])}
        self._means: dict[fx.Node, Tensor] = {}
        means = {step.node for step in steps.steps if isinstance(step.operation, Mean)}
        for node, output in steps.outputs(self.benign[None]):
            if node in spans.backgrounds:
                self._backgrounds[node] = Background(output)
            elif node in means:
                self._means[node] = output.clone()

    def matches(self, spans: PatchSpans, benign: Tensor, adversarial: Tensor) -> bool:
        """Whether these are its images and spans."""
        images = ((self.benign, benign), (self.adversarial, adversarial))
        return self.spans is spans and all(torch.equal(own, image.to(self.device)) for own, image in images)

    @torch.inference_mode()
    def logits(self, patches: PatchBatch, cut: int | None = None, times: list[float] | None = None) -> Tensor:
        """Logits ``(n, class)`` of the substituted images of a batch.

        Parameters
        ----------
        patches
            The batch.
        cut
            Step from which whole feature maps are computed, one of `costs.possible_cuts`; before it, regions
            wherever the operations allow them. None for regions to the end.
        times
            Receives the time before the first step and after each, in seconds.
        """
        values: dict[fx.Node, Any] = {self._steps.image: self._images(patches, whole=cut == 0)}
        if times is not None:
            times.append(self._clock())
        for index, step in enumerate(self._steps.steps):
            whole = cut is not None and index >= cut
            regions = {read: value for read in step.reads if isinstance(value := values[read], Region)}
            if not whole and len(regions) == len(step.reads) and self.spans.works_on_regions(step):
                values[step.node] = self._on_regions(step, regions, patches)
            else:
                # From the cut on, an input made whole once stays whole for its other readers.
                inputs = values if whole else {read: values[read] for read in step.reads}
                values[step.node] = self._on_whole(step, inputs)
            for node in step.last:
                del values[node]
            if times is not None:
                times.append(self._clock())
        logits: Tensor = values[self._steps.result]
        return logits.float()

    def _images(self, patches: PatchBatch, *, whole: bool) -> Tensor | Region:
        if whole:
            return substituted(self.benign, self.adversarial, patches.centers, patch=self.spans.patch)
        place = patches.place(self._steps.image)
        inside = patches.inside(place)[:, None]
        benign = self._backgrounds[self._steps.image].cut(place)
        return Region(torch.where(inside, self._adversarial_background.cut(place), benign), place)

    def _on_regions(self, step: NetworkStep, regions: Regions, patches: PatchBatch) -> Region | Tensor:
        operation = step.operation
        if isinstance(operation, Mean):
            return self._mean(step, *regions.items())
        place = patches.place(step.node)
        if isinstance(operation, Sliding):
            ((read, region),) = regions.items()
            windows = Place(place.rows.read_by(operation.rows), place.columns.read_by(operation.columns))
            return Region(operation.function(self._around(read, region, windows, operation.fill)), place)
        if isinstance(operation, Affine):
            return Region(cut_each(self._on_whole(step, dict(regions)), place), place)
        inputs: dict[fx.Node, Tensor] = {
            read: self._around(read, region, place) for read, region in regions.items()
        }
        return Region(step(inputs, self._steps.constants), place)

    def _around(self, node: fx.Node, region: Region, place: Place, fill: float = 0.0) -> Tensor:
        background = self._backgrounds.get(node)
        # Nodes without a background are read exactly where they have changed.
        return region.values if background is None else background.around(region, place, fill)

    def _mean(self, step: NetworkStep, item: tuple[fx.Node, Region]) -> Tensor:
        """Mean over a feature map: the benign mean plus the changes in the region."""
        read, region = item
        background = self._backgrounds[read]
        changes = (region.values - background.cut(region.place)).sum((2, 3)) / background.cells
        benign = self._means[step.node]
        return benign + changes.view(-1, *benign.shape[1:])

    def _on_whole(self, step: NetworkStep, values: dict[fx.Node, Any]) -> Any:
        """Output of a step on whole feature maps, which replace regions in `values`."""
        for read in step.reads:
            region = values[read]
            if isinstance(region, Region):
                values[read] = self._backgrounds[read].whole(region)
        return step(values, self._steps.constants)
