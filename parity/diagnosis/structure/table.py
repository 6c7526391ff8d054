"""The predicates in order of simplicity, and which code is a special case of which.

Each is predicate(evidence, keys) -> Claims. A tier is tried on what the tiers before it left unexplained: first every
relation of H to G and every path, then conventions of statistics on the way, then what is known of the place alone.
"""

from parity.diagnosis.structure.batch import one_row, right_for_one_row
from parity.diagnosis.structure.elementwise import another_branch, another_slope
from parity.diagnosis.structure.factors import bessel_factors, factors
from parity.diagnosis.structure.indices import last_turn_alone, one_occurrence_alone, overwritten, parts_reordered
from parity.diagnosis.structure.links import link_on_input, link_on_output
from parity.diagnosis.structure.masks import mask_missing, mask_of_another
from parity.diagnosis.structure.norms import bessel_on_the_way, epsilon_elsewhere
from parity.diagnosis.structure.paths import path_cut
from parity.diagnosis.structure.probes import output_ignored, scale_missing, skip_missing, upstream_ignored
from parity.diagnosis.structure.reductions import not_summed, summed_too_far
from parity.diagnosis.structure.relations import (
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
from parity.diagnosis.structure.shifts import positions_moved, taps_moved
from parity.diagnosis.structure.softmax import (
    jacobian_of_output,
    softmax_jacobian,
    softmax_of_softmax,
    softmax_twice,
)
from parity.diagnosis.structure.symmetry import right_if_symmetric
from parity.diagnosis.structure.targets import target_alone, target_missing
from parity.diagnosis.structure.time import own_step_alone, time_shifted
from parity.diagnosis.structure.windows import (
    cropped_elsewhere,
    not_cropped,
    wrong_at_the_border,
    wrong_through_the_border,
)

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
        right_if_symmetric,
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
        softmax_twice,
        softmax_of_softmax,
        target_missing,
        target_alone,
        not_cropped,
        cropped_elsewhere,
        own_step_alone,
        time_shifted,
        overwritten,
        one_occurrence_alone,
        last_turn_alone,
        parts_reordered,
        path_cut,
        positions_moved,
        taps_moved,
    ),
    (bessel_on_the_way, epsilon_elsewhere),
    (wrong_at_the_border, wrong_through_the_border),
    (right_for_one_row,),
)
ALONE = {
    positions_moved: "window-edge",
    taps_moved: "window-edge",
}  # slow predicates, the last of their tier: their codes
# code: the codes of which it is a special case, by definition or because it says more of the same cause
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
    "scale-missing": {"activation-derivative-missing"},
    "softmax-diagonal": {"path-missing"},
    "time-truncated": {"path-missing"},
    "statistics-constant": {"path-missing"},
    "centring-term-missing": {"path-missing"},
}
GENERAL_CODES = set().union(*GENERAL.values())
