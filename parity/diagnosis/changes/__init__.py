"""What may be wrong with an operation: kinds of change, the simpler ones first, each tried where it can be."""
