"""Repair: changes of the user's own operations, tried until one makes the gradients right."""
