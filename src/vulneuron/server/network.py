"""The network of a served record: loaded in the background, and again on demand after a failure."""

import logging
import math
import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from torch import nn

from vulneuron.analysis import Analysis, load_classifier
from vulneuron.engines import Cancel
from vulneuron.errors import ModelError
from vulneuron.network import Classifier
from vulneuron.record import Record
from vulneuron.server import record_models
from vulneuron.server.model_choice import model_to_load
from vulneuron.server.problems import NotAvailable

#: Seconds after a failure before the network is loaded again on demand.
RETRY_SECONDS = 30.0
#: Interval at which a job that waits for the network checks whether it was canceled.
_PATIENCE_SECONDS = 0.1
log = logging.getLogger("vulneuron.server")


class RecordNetwork:
    """Loads the network of a record, and stores the reason if it is missing.

    Parameters
    ----------
    analysis
        The analysis that gets the network.
    name
        Name of the record, for messages.
    model
        The network or its spec; None for the network that the record names, if that is safe to load.
    closing
        Returns True once the server stops. Then no network is loaded again, and no error is logged.
    load
        Loads the network from the record and its source.
    retry_seconds
        Seconds after a failure before the network is loaded again on demand.
    clock
        Monotonic time in seconds.
    """

    def __init__(
        self,
        analysis: Analysis,
        name: str,
        model: str | nn.Module | None = None,
        *,
        closing: Cancel = lambda: False,
        load: Callable[[Record, str | nn.Module], Classifier] = load_classifier,
        retry_seconds: float = RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._analysis, self._name, self._model = analysis, name, model
        self._closing, self._clock = closing, clock
        self._load_classifier, self._retry_seconds = load, retry_seconds
        self._status = record_models.NetworkModel(state="loading", message=None)
        self._next_attempt = -math.inf
        self._lock, self._ended = Lock(), Event()
        self._thread: Thread | None = None

    @property
    def status(self) -> record_models.NetworkModel:
        """Whether the network is available, or why it is not."""
        return self._status

    @property
    def can_compute(self) -> bool:
        """Whether the network is available, being loaded, or would be loaded again on demand."""
        return self._status.state != "missing" or self._is_due()

    def demand(self) -> record_models.NetworkModel:
        """Start loading the network if that was not tried yet, or failed some time ago; do not wait."""
        with self._lock:
            if self._thread is None or (self._status.state == "missing" and self._is_due()):
                self._status = record_models.NetworkModel(state="loading", message=None)
                self._ended.clear()
                self._thread = Thread(target=self._load, name=f"network {self._name}", daemon=True)
                self._thread.start()
                return record_models.NetworkModel(state="loading", message=None)
            return self._status

    def wait(self, cancelled: Cancel) -> None:
        """Demand the network, and wait until it is ready or missing, or the wait is canceled."""
        self.demand()
        while self._status.state == "loading" and not cancelled():
            self._ended.wait(_PATIENCE_SECONDS)

    def require(self, what: str) -> None:
        """Raise an error unless the network is ready.

        Raises
        ------
        NotAvailable
            If it is loading or missing.
        """
        status = self._status
        if status.state == "ready":
            return
        if status.state == "loading":
            fix = "wait a few seconds"
        elif math.isinf(self._next_attempt):
            fix = "start the server with --model"
        else:
            wait = f"{self._retry_seconds:g} s"
            fix = f"fix that and try again; it is loaded again after {wait} at the earliest"
        raise NotAvailable(
            f"{what} needs the network of record {self._name!r}, which is {status.state}"
            + ("" if status.message is None else f" ({status.message})"),
            allowed="values stored in the record, until the network is ready",
            fix=fix,
        )

    def join(self, seconds: float) -> bool:
        """Wait for a network that is being loaded; returns whether that has ended in time."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _is_due(self) -> bool:
        return self._clock() >= self._next_attempt and not self._closing()

    def _load(self) -> None:
        # A network that stayed "loading" would keep every job waiting forever.
        status = record_models.NetworkModel(
            state="missing", message="loading it failed; see the terminal of the server"
        )
        retry_seconds = self._retry_seconds
        try:
            try:
                source = model_to_load(self._analysis.record, self._model)
            except ModelError:
                # Another attempt would be rejected again.
                retry_seconds = math.inf
                raise
            self._analysis.network.attach(self._load_classifier(self._analysis.record, source))
            status = record_models.NetworkModel(state="ready", message=None)
        except ModelError as error:
            status = record_models.NetworkModel(state="missing", message=str(error))
            if self._model is not None and not self._closing():
                log.warning("The network of record %r cannot be used: %s", self._name, error)
        except Exception as error:
            message = f"loading it failed with {type(error).__name__}; see the terminal of the server"
            status = record_models.NetworkModel(state="missing", message=message)
            if not self._closing():
                log.exception("Unexpected error while the network of record %r was loaded", self._name)
        finally:
            self._next_attempt = self._clock() + retry_seconds
            self._status = status
            self._ended.set()
