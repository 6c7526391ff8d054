"""Causes that no single change of one operation explains, each confirmed on other data before it is named.

A predicate looks at one trial and suspects; `structural` confirms: the relation that a code names must reproduce every
entry on the first trial and on fresh ones that are wrong as well, at least two. Where claims of different codes hold
everywhere, none is named, unless one is a special case of the others by definition.
"""

import time
from itertools import chain

from parity.diagnosis.structure.evidence import Evidence
from parity.diagnosis.structure.lines import maker
from parity.diagnosis.structure.others import Exhausted
from parity.diagnosis.structure.table import ALONE, BACKWARD, FORWARD, GENERAL, GENERAL_CODES
from parity.report import Finding
from parity.subjects.raised import SubjectRaised

FRESH = 4  # sets of other data of each kind that are looked at before a claim is given up
TELLING = 2  # fresh trials that must be wrong in the same way
ODD: tuple = (Exception,)  # what data that a predicate was not made for may raise: it then claims nothing


def structural(trial, limit_s=5.0):
    """[Finding]: the confirmed causes of the wrong gradients of a Trial; one Finding for each gradient explained.

    Where an output is wrong, only causes of that are looked for. Predicates are tried in order of simplicity. After
    limit_s seconds, what was confirmed by then is named, unless it could be a special case of something else.
    """
    base = Evidence(trial, time.monotonic() + limit_s)
    found, left = [], base.wrong_outputs or base.wrong
    for tier in FORWARD if base.wrong_outputs else BACKWARD:
        claims: list = []
        untried = list(tier)
        try:
            confirm(untried, base, left, claims)
        except Exhausted:
            general = more_general(untried)
            claims = [(claim, trials) for claim, trials in claims if claim.code not in general]
        for key in sorted(left & frozenset().union(*(claim.keys for claim, _ in claims))):
            left -= {key}
            found += named(base, key, [(claim, trials) for claim, trials in claims if key in claim.keys])
        if not left or untried:
            break
    return found


def confirm(untried, base, keys, found):
    """Append (claim, the trials on which it held) to found, for all that predicates claim of some of the keys.

    A predicate is taken off the list `untried` once it is done.
    """
    while untried:
        for claim in claims_of(untried[0], base, keys):
            base.in_time()
            if trials := confirmed(claim, base):
                found.append((claim, trials))
        del untried[0]


def more_general(untried):
    """The codes of which something that these predicates may still claim is a special case."""
    if any(predicate not in ALONE for predicate in untried):
        return GENERAL_CODES
    return set().union(*(GENERAL.get(ALONE[predicate], ()) for predicate in untried))


def claims_of(predicate, base, keys):
    """The claims of a predicate; where it raises on odd data, those that it had made by then."""
    try:
        yield from predicate(base, keys)
    except Exhausted:
        raise
    except (SubjectRaised, *ODD):
        return


def confirmed(claim, base):
    """The trials on which a claim held; empty unless it held on all that were tried and enough of them were telling."""
    held, telling = [base], 0
    if not holds(claim, base):
        return []
    for other in chain(claim.also, fresh_trials(base, claim.alike)):
        if not holds(claim, other):
            return []
        held.append(other)
        telling += claim.keys <= other.wrong | other.wrong_outputs
        if telling >= TELLING and len(held) > len(claim.also) + TELLING:
            return held
    return []


def holds(claim, evidence):
    try:
        return claim.holds(evidence)
    except Exhausted:
        raise
    except (SubjectRaised, *ODD):
        return False


def fresh_trials(base, alike):
    """Trials on other data: other batch sizes first, or, where alike, the same shapes first."""
    kinds = [base.others.fresh, base.others.alike]
    for kind in reversed(kinds) if alike else kinds:
        for k in range(FRESH):
            if (other := kind(k)) is not None:
                yield other


def named(base, key, claims):
    """[the Finding for one key] from the claims that hold of it; [] where they do not agree on a code."""
    codes = {claim.code for claim, _ in claims}
    codes -= {general for code in codes for general in GENERAL.get(code, ())}
    if len(codes) != 1:
        return []
    told = [(claim, trials) for claim, trials in claims if claim.code in codes]
    claim, trials = max(told, key=lambda one: len(one[0].keys))  # of what explains most at once
    sizes = sorted({other.N for other in trials})
    text = claim.sentence.replace("{N}", " and ".join(filter(None, (", ".join(map(str, sizes[:-1])), str(sizes[-1])))))
    return [Finding(claim.code, key[1], claim.where or maker(base, key), text, claim.confidence)]
