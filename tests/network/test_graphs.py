"""Tracing changes the whole process for a while; other threads must not see it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from threading import Barrier, Event

import pytest
import torch
from torch import Tensor, fx, nn

from nets import INPUT_SHAPE, Branching, NormalizedHead, average_pooled, randomized
from served import TIMEOUT
from vulneuron import Classifier
from vulneuron.engines.incremental.steps import trace_steps
from vulneuron.network.graphs import traced_graph
from vulneuron.network.probes import probe_images


class Interrupted(nn.Module):
    """Does something else in the middle of being traced."""

    def __init__(self, net: nn.Module, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.net, self.meanwhile = net, meanwhile

    def forward(self, images: Tensor) -> Tensor:
        if isinstance(images, fx.Proxy):
            self.meanwhile()
        logits: Tensor = self.net(images)
        return logits


def operations(graph: fx.Graph | None) -> list[tuple[str, str]]:
    assert graph is not None
    return [(node.op, str(node.target)) for node in graph.nodes]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def test_another_network_runs_while_one_is_traced(threads: ThreadPoolExecutor) -> None:
    traced, other = average_pooled().eval(), Branching().eval()
    probe = probe_images(INPUT_SHAPE, 0)
    expected, alone = other(probe), traced_graph(Interrupted(traced, lambda: None))
    found: list[Tensor] = []
    graph = traced_graph(
        Interrupted(traced, lambda: found.append(threads.submit(other, probe).result(TIMEOUT)))
    )
    torch.testing.assert_close(found, [expected])
    assert operations(graph) == operations(alone)


def test_the_network_that_is_traced_runs_in_another_thread(threads: ThreadPoolExecutor) -> None:
    # Weights that are used outside of layers become symbols in the thread that traces.
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.full((), 3.0))

        def forward(self, values: Tensor) -> Tensor:
            return values * self.scale

    net = nn.Sequential(Scaled(), average_pooled()).eval()
    probe = probe_images(INPUT_SHAPE, 0)
    expected, alone = net(probe), traced_graph(Interrupted(net, lambda: None))
    found: list[Tensor] = []
    graph = traced_graph(Interrupted(net, lambda: found.append(threads.submit(net, probe).result(TIMEOUT))))
    torch.testing.assert_close(found, [expected])
    assert operations(graph) == operations(alone)


def test_one_network_is_traced_at_a_time(threads: ThreadPoolExecutor) -> None:
    original, inside = nn.Module.__call__, Event()
    net = average_pooled().eval()
    second = Interrupted(deepcopy(net), inside.set)
    waiting: list[Future[fx.Graph | None]] = []
    overlapping: list[bool] = []

    def meanwhile() -> None:
        waiting.append(threads.submit(traced_graph, second))
        overlapping.append(inside.wait(0.1))

    first = traced_graph(Interrupted(net, meanwhile))
    assert operations(first) == operations(waiting[0].result(TIMEOUT))
    assert overlapping == [False]
    assert nn.Module.__call__ is original


def test_classifiers_that_are_made_at_once_are_those_made_alone(threads: ThreadPoolExecutor) -> None:
    nets = [randomized(build()).eval() for build in (average_pooled, Branching, NormalizedHead)] * 3
    original, together = nn.Module.__call__, Barrier(3)

    def make(net: nn.Module) -> tuple[int, bool, Tensor]:
        together.wait(TIMEOUT)
        classifier = Classifier(net, input_shape=INPUT_SHAPE, device="cpu")
        steps = trace_steps(classifier)
        return classifier.folded, steps is not None, classifier.logits(probe)

    probe = probe_images(INPUT_SHAPE, 5)
    found = list(threads.map(make, nets))
    for net, (folded, traced, logits) in zip(nets, found, strict=True):
        alone = Classifier(net, input_shape=INPUT_SHAPE, device="cpu")
        assert (folded, traced) == (alone.folded, trace_steps(alone) is not None)
        torch.testing.assert_close(logits, alone.logits(probe))
    assert nn.Module.__call__ is original


class Meeting(nn.Module):
    """Lets something else happen in the middle of the next forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def __deepcopy__(self, memo: object) -> "Meeting":
        return self

    def forward(self, images: Tensor) -> Tensor:
        if self.meanwhile:
            self.meanwhile.pop()()
        return images


@pytest.mark.parametrize("build", [average_pooled, NormalizedHead])
def test_feature_maps_are_those_of_the_own_forward_pass(
    build: Callable[[], nn.Module], threads: ThreadPoolExecutor
) -> None:
    meeting = Meeting()
    classifier = Classifier(nn.Sequential(meeting, build()), input_shape=INPUT_SHAPE, device="cpu")
    mine, other = (probe_images(INPUT_SHAPE, seed) for seed in (1, 2))
    expected = classifier.activity(mine)
    meeting.meanwhile.append(lambda: threads.submit(classifier.activity, other).result(TIMEOUT))
    torch.testing.assert_close(classifier.activity(mine).features, expected.features)


def test_a_head_that_is_rerun_leaves_other_threads_alone(threads: ThreadPoolExecutor) -> None:
    meeting, found = Meeting(), list[Tensor]()
    classifier = Classifier(nn.Sequential(meeting, NormalizedHead()), input_shape=INPUT_SHAPE, device="cpu")
    images = probe_images(INPUT_SHAPE, 1)
    expected = classifier.activity(images)
    meeting.meanwhile.append(lambda: found.append(threads.submit(classifier.logits, images).result(TIMEOUT)))
    with torch.inference_mode():
        classifier.head(expected.features * 2)
    torch.testing.assert_close(found, [expected.logits])
