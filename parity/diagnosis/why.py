"""From a trial with wrong gradients to findings: parts first, then repairs, then predicates."""


def diagnose(examination, trial, found):
    return []
