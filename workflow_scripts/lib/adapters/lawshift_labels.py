"""What each change of the law in LawShift does to a judgement, by the name of its folder."""

from typing import Any

EXTREME_MONTHS = (10000, 10001)  # life, death: written XT in answers
_EXTENDED = ("explicit_extend", "implicit_expand", "reallocated_expand")
_REDUCED = ("explicit_reduce", "implicit_reduce", "reallocated_reduce")

# V: guilty, NV: not guilty, TU and TD: guilty with a higher or lower term, XT: life or death, NX: no longer that.
LABELS: dict[str, str] = {
    **{f"{what}_{how}": "V" for what in ("subject", "action", "object") for how in _EXTENDED},
    **{f"{what}_{how}": "NV" for what in ("subject", "action", "object") for how in _REDUCED},
    # A condition works the other way round: more of it frees.
    "objCon_explicit_extend": "NV",
    "objCon_implicit_expand": "NV",
    "objCon_reallocated_expand": "NV",
    "objCon_reallocated_reduce": "V",
    "objCon_implicit_reduce": "V",
    "objCon_addition": "NV",
    "objCon_removal": "V",
    "sbCon_addition": "NV",
    "sbCon_removal": "V",
    "term_up": "TU",
    "term_down": "TD",
    "term_extremity_in": "XT",
    "term_extremity_out": "NX",
}
# Months that are right: (least, most), None for no limit; cases of term_* were chosen with terms from 36 to 120.
_UNCHANGED = {"TU": (36, 120), "TD": (36, 120), "XT": (36, 120)}
_CHANGED = {"TU": (120, None), "TD": (None, 36), "NX": (36, None)}


def expectation(change: str, law: str) -> dict[str, Any]:
    """Return the right answer for a case of a folder, for verifiers: verdict, whether the term is XT, bounds of it."""
    label = LABELS[change]
    is_new = law == "poisoned"
    is_extreme = label == ("XT" if is_new else "NX")
    bounds = (_CHANGED if is_new else _UNCHANGED).get(label, (None, None))
    verdict = "NV" if is_new and label == "NV" else "V"
    return {"label": label, "verdict": verdict, "extreme": is_extreme, "months": list(bounds)}
