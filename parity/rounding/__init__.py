"""What rounding explains, entry by entry: shaken arithmetic in NumPy and in torch, and the budget it measures."""
