"""The tests: every layer, loss and model of scratch against its twin in torch_ref, and the checker against mistakes."""
