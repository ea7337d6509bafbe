"""The incremental engine computes only what a patch changes.

`steps` and `operations` read the network, `regions` and `geometry` describe what a patch reaches, `windows`
and `forward` compute it, `verifying` compares it with the network, and `costs` and `sizes` decide where it
pays off.
"""

from vulneuron.engines.incremental.engine import Incremental

__all__ = ["Incremental"]
