"""What the licences of the sources allow: identifiers that model hubs know, their terms, and a verdict on publishing.

A reading of the licences' own words for people who want to publish rows; no legal advice.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from workflow_scripts.lib.reporting.words import Words

Term = Literal["attribution", "share_alike", "non_commercial", "no_derivatives", "own_terms", "unknown"]
Publishable = Literal["yes", "conditions", "no"]

TERMS: dict[Term, Words] = {
    "attribution": {"en": "name the authors and the licence", "zh": "须署名并附许可"},
    "share_alike": {"en": "share-alike: only under the same licence", "zh": "相同方式共享：只能按同一许可发布"},
    "non_commercial": {"en": "no commercial use", "zh": "禁止商用"},
    "no_derivatives": {"en": "no derivatives: cleaned rows may not be shared", "zh": "禁止演绎：清洗后的数据不得发布"},
    "own_terms": {"en": "terms of its own, to be read before publishing", "zh": "另有条款，发布前须阅读"},
    "unknown": {
        "en": "licence unknown: without a licence nothing may be published",
        "zh": "许可不明：没有许可便不得发布",
    },
}
VERDICTS: dict[Publishable, Words] = {
    "yes": {"en": "Publishable: yes", "zh": "可以发布"},
    "conditions": {"en": "Publishable: under conditions", "zh": "有条件发布"},
    "no": {"en": "Publishable: no", "zh": "不可发布"},
}
FORBIDDING: tuple[Term, ...] = ("no_derivatives", "unknown")
RESTRICTING: tuple[Term, ...] = ("non_commercial", "share_alike", "own_terms")
_TABLE = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
KNOWN = {name: terms for line in _TABLE if not line.startswith("#") for name, *terms in [line.split()]}


@dataclass(frozen=True)
class Verdict:
    """Whether rows of these sources may be published together, and what each source says about it."""

    publishable: Publishable
    terms: dict[str, list[Term]]
    conflicts: list[Words]

    def as_json(self) -> dict[str, Any]:
        reasons = [
            {"source": source, "term": term} | TERMS[term]
            for source, terms in sorted(self.terms.items())
            for term in terms
        ]
        return {"publishable": self.publishable, "reasons": reasons, "conflicts": self.conflicts}


def terms_of(licence: str) -> list[Term]:
    """Return what a licence asks for; nothing for the public domain."""
    name = _normal(licence)
    # `cc-by-nc-sa-2.5` and the like are not on the hub's list and say what they are all the same
    if re.fullmatch(r"cc-by(-(nc|sa|nd))*-\d\.\d", name):
        parts = name.split("-")
        named: dict[str, Term] = {"nc": "non_commercial", "sa": "share_alike", "nd": "no_derivatives"}
        return ["attribution", *(term for part, term in named.items() if part in parts)]
    if name == "none":
        return ["unknown"]
    return [term for term in get_args(Term) if term in KNOWN.get(name, ["own_terms"])]


def verdict(licences: dict[str, str]) -> Verdict:
    """Judge sources together.

    Args:
        licences: Source -> licence, of the sources whose rows are in the data.
    """
    terms = {source: terms_of(licence) for source, licence in licences.items()}
    conflicts = _conflicts(licences, terms)
    if conflicts or any(term in FORBIDDING for found in terms.values() for term in found):
        return Verdict("no", terms, conflicts)
    conditional = any(term in RESTRICTING for found in terms.values() for term in found)
    return Verdict("conditions" if conditional else "yes", terms, conflicts)


def _conflicts(licences: dict[str, str], terms: dict[str, list[Term]]) -> list[Words]:
    """Return the share-alike licences that cannot all be kept when the rows go out as one work."""
    alike = sorted({_normal(licences[source]) for source, found in terms.items() if "share_alike" in found})
    conflicts = []
    if len(alike) > 1:
        names = ", ".join(alike)
        conflicts.append(
            {
                "en": f"{names}: each asks for itself; publish these sources as separate data sets",
                "zh": f"{names}：各自要求沿用本许可，须分开发布",
            }
        )
    bound = sorted(source for source, found in terms.items() if "non_commercial" in found)
    open_alike = [name for name in alike if "-nc" not in name]
    if bound and open_alike:
        conflicts.append(
            {
                "en": f'{", ".join(open_alike)} forbids the further restriction "no commercial use" of '
                f"{', '.join(bound)}; publish these sources as separate data sets",
                "zh": f"{', '.join(open_alike)} 不许附加 {', '.join(bound)} 的“禁止商用”限制，须分开发布",
            }
        )
    return conflicts


def front_matter(licences: list[str]) -> dict[str, Any]:
    """Return the licence keys of a card's front matter; what the hub does not know is ``other``, by name."""
    known = sorted({name if name in KNOWN else "other" for name in map(_normal, licences)})
    values: dict[str, Any] = {"license": known[0] if len(known) == 1 else known}
    own = sorted({name for name in map(_normal, licences) if name not in KNOWN})
    if own:
        values["license_name"] = "-".join(re.sub(r"[^a-z0-9.-]+", "-", name).strip("-") for name in own)
    return values


def _normal(licence: str) -> str:
    return licence.strip().lower()
