"""Causes that no single change of one operation explains, each confirmed on other data before it is named.

A predicate looks at one trial and suspects; `structural` confirms: the relation that a code names must reproduce every
entry on the first trial and on fresh ones that are wrong as well, at least two. Where claims of different codes hold
everywhere, none is named, unless one is a special case of the others by definition.
"""

import time
from itertools import chain

from parity.diagnosis.evidence import FRESH, Evidence, Exhausted, maker
from parity.diagnosis.relations import (
    entries_permuted,
    exchanged,
    never_written,
    of_another_weight,
    reversed_axes,
    rolled,
    sign_flipped,
    slices_permuted,
    transposed,
)
from parity.diagnosis.structure_batch import one_row, right_for_one_row
from parity.diagnosis.structure_elementwise import another_branch, another_slope
from parity.diagnosis.structure_factors import bessel_factors, factors
from parity.diagnosis.structure_indices import last_turn_alone, one_occurrence_alone, overwritten, parts_reordered
from parity.diagnosis.structure_links import link_on_input, link_on_output
from parity.diagnosis.structure_masks import mask_missing, mask_of_another
from parity.diagnosis.structure_norms import bessel_on_the_way, epsilon_elsewhere
from parity.diagnosis.structure_paths import path_cut
from parity.diagnosis.structure_probes import output_ignored, scale_missing, skip_missing, upstream_ignored
from parity.diagnosis.structure_reductions import not_summed, summed_too_far
from parity.diagnosis.structure_shifts import positions_moved, taps_moved
from parity.diagnosis.structure_softmax import (
    jacobian_of_output,
    one_hot_missing,
    softmax_jacobian,
    softmax_of_softmax,
)
from parity.diagnosis.structure_time import own_step_alone, time_shifted
from parity.diagnosis.structure_windows import (
    cropped_elsewhere,
    not_cropped,
    wrong_at_the_border,
    wrong_through_the_border,
)
from parity.report import Finding
from parity.subjects.base import SubjectRaised

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
        try:
            confirm(tier, base, left, claims)
            in_time = True
        except Exhausted:
            claims = [(claim, trials) for claim, trials in claims if claim.code not in GENERAL_CODES]
            in_time = False
        for key in sorted(left & frozenset().union(*(claim.keys for claim, _ in claims))):
            left -= {key}
            found += named(base, key, [(claim, trials) for claim, trials in claims if key in claim.keys])
        if not left or not in_time:
            break
    return found


def confirm(predicates, base, keys, found):
    """Append (claim, the trials on which it held) to found, for all that these predicates claim of some of the keys."""
    for predicate in predicates:
        for claim in claims_of(predicate, base, keys):
            base.in_time()
            if trials := confirmed(claim, base):
                found.append((claim, trials))


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
    claim, trials = next((claim, trials) for claim, trials in claims if claim.code in codes)
    sizes = sorted({other.N for other in trials})
    text = claim.sentence.replace("{N}", " and ".join(filter(None, (", ".join(map(str, sizes[:-1])), str(sizes[-1])))))
    return [Finding(claim.code, key[1], claim.where or maker(base, key), text, claim.confidence)]


FORWARD = ((link_on_output, link_on_input),)
BACKWARD = (
    (
        never_written,
        sign_flipped,
        factors,
        bessel_factors,
        transposed,
        reversed_axes,
        rolled,
        slices_permuted,
        entries_permuted,
        exchanged,
        of_another_weight,
        not_summed,
        one_row,
        summed_too_far,
        upstream_ignored,
        scale_missing,
        output_ignored,
        skip_missing,
        another_slope,
        another_branch,
        mask_missing,
        mask_of_another,
        softmax_jacobian,
        jacobian_of_output,
        softmax_of_softmax,
        one_hot_missing,
        not_cropped,
        cropped_elsewhere,
        positions_moved,
        taps_moved,
        own_step_alone,
        time_shifted,
        overwritten,
        one_occurrence_alone,
        last_turn_alone,
        parts_reordered,
        path_cut,
    ),
    (bessel_on_the_way, epsilon_elsewhere),
    (wrong_at_the_border, wrong_through_the_border),
    (right_for_one_row,),
)
# code: the codes of which it is a special case by definition
GENERAL = {
    "link-doubled": {"activation-derivative-missing", "activation-derivative-wrong", "path-missing"},
    "bias-averaged": {"extra-mean", "wrong-count", "constant-factor"},
    "wrong-count": {"constant-factor"},
    "variance-convention": {"constant-factor"},
    "transposed": {"permuted"},
    "kernel-flipped": {"permuted", "window-edge"},
    "window-edge": {"permuted"},
    "time-shifted": {"permuted"},
    "bias-not-summed": {"path-missing", "broadcast-not-reduced"},
    "path-missing": {"never-written"},
    "duplicate-index": {"path-missing", "never-written"},
    "mask-wrong": {"activation-derivative-missing", "activation-derivative-wrong", "never-written"},
    "clip-mismatch": {"activation-derivative-missing", "activation-derivative-wrong", "mask-wrong"},
    "variant-mismatch": {"activation-derivative-wrong"},
    "activation-derivative-missing": {"activation-derivative-wrong", "path-missing"},
    "activation-derivative-wrong": {"path-missing"},
    "one-hot-missing": {"softmax-diagonal", "activation-derivative-missing", "path-missing"},
    "softmax-diagonal": {"path-missing"},
    "time-truncated": {"path-missing"},
    "statistics-constant": {"path-missing"},
    "centring-term-missing": {"path-missing"},
}
GENERAL_CODES = set().union(*GENERAL.values())
