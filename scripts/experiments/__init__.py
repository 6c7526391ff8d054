"""What the demo does by both sides, one experiment a file; each returns reports, facts and the series to draw."""

from dataclasses import dataclass, field

from parity import Report


@dataclass(frozen=True)
class Experiment:
    """reports: the comparisons; facts: lines for a person, in order; values: the same for a machine; series: arrays."""

    title: str
    reports: tuple[Report, ...]
    facts: tuple[str, ...] = ()
    values: dict = field(default_factory=dict)
    series: dict = field(default_factory=dict)
