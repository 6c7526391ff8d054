"""What one run cannot show. Each probe gives Findings, and the rows that a Finding names fail with it."""

from parity.probes.calls import probe_calls
from parity.probes.data import probe_data
from parity.probes.digits import probe_digits

__all__ = ["probe_calls", "probe_data", "probe_digits"]
