"""Scores of attention: what the masks make of them, their softmax, and the gradients of masks that are float."""

import math

import numpy as np

from scratch.checks import check_float, check_precision, check_shape

OWNER = "MultiheadAttention"


def hinted(attn_mask, sizes, alone):
    """What is_causal makes of attn_mask: the causal mask where nothing else is asked for, the mask itself elsewhere."""
    if attn_mask is None:
        raise ValueError(f"{OWNER}: is_causal needs attn_mask; pass np.triu(np.ones({sizes}, bool), 1)")
    return np.triu(np.ones(sizes, bool), 1) if alone else attn_mask


def masks_as_added(masks, query, sizes):
    """The masks (key_padding_mask, attn_mask) that there are, ready to be added to scores (N, H, S, L)."""
    (of_keys, of_pairs), (N, H, S, L) = masks, sizes
    added = []
    if of_keys is not None:
        check_mask("key_padding_mask", of_keys, (S,) if query.ndim == 2 else (N, S), query)
        added.append(additive(of_keys, query).reshape(N, 1, S, 1))
    if of_pairs is not None:
        each = np.ndim(of_pairs) == 3
        check_mask("attn_mask", of_pairs, (N * H, L, S) if each else (L, S), query)
        M = additive(of_pairs, query).swapaxes(-1, -2).copy()
        added.append(M.reshape(N, H, S, L) if each else M)
    return added


def check_mask(name, mask, shape, query):
    """Refuse a mask of another shape (ValueError), and what is neither boolean nor of query's dtype (TypeError)."""
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "bfc":
        found = getattr(mask, "dtype", type(mask).__name__)
        raise TypeError(f"{OWNER}: expected {name} as bool (True: not attended) or {query.dtype}, got {found}")
    check_shape(OWNER, name, mask, shape)
    if mask.dtype != bool:
        check_float(OWNER, name, mask)
        check_precision(OWNER, name, mask, "query", query)


def additive(mask, query):
    """−∞ where a boolean mask is True, else 0; a float mask as it is."""
    if mask.dtype != bool:
        return mask
    M = np.zeros(mask.shape, query.real.dtype)
    M[mask] = -math.inf
    return M


def softmax_over_keys(S, masks):
    """A = e^(S + M) / Σ_keys e^(S + M) on scores (N, H, S, L), shifted by the largest: in place, S is ours."""
    for M in masks:
        S = S + M
    top = S.real.max(axis=-2, keepdims=True)
    if (top == -math.inf).any():
        n, _, _, place = np.argwhere(top == -math.inf)[0]
        raise ValueError(f"{OWNER}: every key of query {place} is masked (sequence {n}); leave it one, or leave it out")
    S -= top
    np.exp(S, out=S)
    return S / (np.ones((1, S.shape[-2]), S.dtype) @ S)


def mask_gradients(dS, masks):
    """Gradients of the inputs key_padding_mask, need_weights, attn_mask, as far as the last float mask among them.

    dS (N, H, S, L) is added up over what shares an entry of the mask.
    """
    of_keys, of_pairs = (None if mask is None or mask.dtype == bool else mask.shape for mask in masks)
    dkeys = None if of_keys is None else dS.sum(axis=(1, 3)).reshape(of_keys)
    if of_pairs is None:
        return () if of_keys is None else (dkeys,)
    dpairs = dS.sum(axis=(0, 1)) if len(of_pairs) == 2 else dS
    return dkeys, None, dpairs.swapaxes(-1, -2).reshape(of_pairs)
