"""Where a derivation is wrong and why: parts judged one by one, repairs tried on the user's lines, predicates."""
