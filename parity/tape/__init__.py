"""The tape: what the user's own lines computed, operation by operation, and the same run with some changed."""
