"""Which mistake a confirmed change shows: from the kind of change, the values, and what the forward pass computed."""
