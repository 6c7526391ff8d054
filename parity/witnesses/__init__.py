"""What a hand-derived backward is held against: autograd of a twin, numerical derivatives, a trace of the forward."""
