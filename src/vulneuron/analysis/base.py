"""Components shared by all methods of an `Analysis`: a record, its network, and the neurons of one layer."""

from vulneuron.analysis.clusters import Clusters
from vulneuron.analysis.contributions import Curves
from vulneuron.analysis.data import LayerData
from vulneuron.analysis.fields import DeadNeurons, FieldThresholds, ReceptiveFields
from vulneuron.analysis.model import Network
from vulneuron.analysis.neurons import NeuronTable
from vulneuron.analysis.occlusion import Occlusion
from vulneuron.analysis.settings import Settings
from vulneuron.analysis.substitution import Substitution
from vulneuron.analysis.vulnerability import FieldOverlaps, PairVulnerability
from vulneuron.record import Record


class AnalysisBase:
    """Components of an analysis; those of the layer are replaced as a whole by `_read_layer`.

    Parameters
    ----------
    record
        A finished record.
    network
        Its network.
    data
        The pairs of the record, and the values of the layer's neurons.
    vulnerability
        Vulnerability maps, which do not depend on the layer.
    settings
        Default settings of all methods.
    memory
        Approximate number of bytes that the values of many pairs may take at once.
    """

    def __init__(
        self,
        record: Record,
        network: Network,
        data: LayerData,
        vulnerability: PairVulnerability,
        settings: Settings,
        memory: int,
    ) -> None:
        self.record = record
        self.network = network
        self.settings = settings
        self._vulnerability = vulnerability
        self._memory = memory
        self._read_layer(data)

    def _read_layer(self, data: LayerData) -> None:
        """Connect the components that depend on the layer; numbers are computed on demand."""
        self.data = data
        self._thresholds = FieldThresholds(data)
        self._fields = ReceptiveFields(data, self._thresholds)
        self._overlaps = FieldOverlaps(self._fields, self._vulnerability)
        self._substitution = Substitution(data, self.network)
        self._occlusion = Occlusion(data, self.network)
        self._clusters = Clusters(data, self._fields)
        self._curves = Curves(data)
        dead = DeadNeurons(data, self._thresholds)
        self._table = NeuronTable(
            data,
            self._curves,
            self._substitution,
            dead,
            self._vulnerability,
            self._overlaps,
            memory=self._memory,
        )
