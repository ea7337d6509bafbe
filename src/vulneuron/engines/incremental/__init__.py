"""The incremental engine computes only the regions that a patch changes.

`steps` and `operations` analyze the network, `regions` and `geometry` determine the regions that a patch
reaches, `windows` and `forward` compute them, `verifying` compares the logits with those of the network, and
`costs` and `sizes` determine where this is faster.
"""

from vulneuron.engines.incremental.engine import Incremental

__all__ = ["Incremental"]
