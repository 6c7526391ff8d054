"""Causes that no single change of one operation explains: predicates, each confirmed on other data."""
