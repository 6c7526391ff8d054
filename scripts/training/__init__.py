"""Training as a program: what to train, on which side, where, and what is kept of it."""
