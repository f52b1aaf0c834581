"""Reasons to drop a row, each a small function: bounds in, a rule over the columns of measures out."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from workflow_scripts.lib.cleaning.bounds import Bounds


@dataclass(frozen=True)
class Rule:
    """Rows for which ``fails`` are dropped for ``reason``; ``detail`` says with which value."""

    reason: str
    fails: pl.Expr
    detail: pl.Expr


def malformed(bounds: Bounds) -> Rule:
    """Drop conversations that cannot be trained on; no bound switches this off."""
    return _listed("malformed", pl.col("flags"))


def too_short_chars(bounds: Bounds) -> Rule | None:
    return _below("too_short_chars", "chars", bounds.min_chars)


def too_long_chars(bounds: Bounds) -> Rule | None:
    return _above("too_long_chars", "chars", bounds.max_chars)


def too_short_tokens(bounds: Bounds) -> Rule | None:
    """Compare the tokens, or, of rows where that leaves nothing open, the most that there can be."""
    if bounds.min_tokens is None:
        return None
    most = pl.format(f"tokens at most {{}} < {bounds.min_tokens}", "most_tokens")
    counted = pl.format(f"tokens {{}} < {bounds.min_tokens}", "tokens")
    fails = pl.coalesce("tokens", "most_tokens") < bounds.min_tokens
    return Rule("too_short_tokens", fails, pl.coalesce(counted, most))


def too_long_tokens(bounds: Bounds) -> Rule | None:
    """Compare the tokens, or, of rows where that leaves nothing open, the fewest that there can be."""
    if bounds.max_tokens is None:
        return None
    least = pl.format(f"tokens at least {{}} > {bounds.max_tokens}", "least_tokens")
    counted = pl.format(f"tokens {{}} > {bounds.max_tokens}", "tokens")
    fails = pl.coalesce("tokens", "least_tokens") > bounds.max_tokens
    return Rule("too_long_tokens", fails, pl.coalesce(counted, least))


def other_language(bounds: Bounds) -> Rule | None:
    if bounds.languages is None:
        return None
    return Rule("other_language", ~pl.col("lang").is_in(bounds.languages), pl.col("lang"))


def too_little_han(bounds: Bounds) -> Rule | None:
    rule = _below("too_little_han", "han_ratio", bounds.min_han_ratio)
    if rule is None or not bounds.allow_english:
        return rule
    return Rule(rule.reason, rule.fails & (pl.col("lang") != "en"), rule.detail)


def too_repetitive(bounds: Bounds) -> Rule | None:
    return _above("too_repetitive", "repetition", bounds.max_repetition)


def mojibake(bounds: Bounds) -> Rule | None:
    return _above("mojibake", "mojibake", bounds.max_mojibake)


def blocklisted(bounds: Bounds) -> Rule | None:
    if not bounds.blocklists:
        return None
    in_use = pl.col("blocked").list.set_intersection(bounds.blocklists)
    words = pl.col("blocked_words").list.join(", ")
    return Rule("blocklisted", in_use.list.len() > 0, pl.format("{}: {}", in_use.list.join(", "), words))


def personal_data(bounds: Bounds) -> Rule | None:
    return _listed("personal_data", pl.col("personal_data")) if bounds.pii == "drop" else None


def reasoning(bounds: Bounds) -> Rule | None:
    """Drop replies with thoughts, or with what is left of them where no mark says where they end."""
    if bounds.reasoning == "keep":
        return None
    detail = "<think> in a reply" if bounds.reasoning == "drop" else "<think> without its end in a reply"
    return Rule("reasoning", pl.col("has_reasoning"), pl.lit(detail))


def refusal(bounds: Bounds) -> Rule | None:
    if bounds.refusals == "keep":
        return None
    return Rule("refusal", pl.col("refusal").is_not_null(), pl.col("refusal"))


_SHARES = ("han_ratio", "repetition", "mojibake")

# The first rule that fails gives the reason. A new filter is a function above and its place here.
FILTERS: tuple[Callable[[Bounds], Rule | None], ...] = (
    malformed,
    too_short_chars,
    too_long_chars,
    too_short_tokens,
    too_long_tokens,
    other_language,
    too_little_han,
    too_repetitive,
    mojibake,
    blocklisted,
    personal_data,
    reasoning,
    refusal,
)


def rules(bounds: Bounds) -> list[Rule]:
    """Return the rules that are switched on, in the order in which they are asked."""
    return [rule for make in FILTERS if (rule := make(bounds)) is not None]


def _listed(reason: str, column: pl.Expr) -> Rule:
    return Rule(reason, column.list.len() > 0, column.list.join(", "))


def _below(reason: str, column: str, bound: float | None) -> Rule | None:
    if bound is None:
        return None
    return Rule(reason, pl.col(column) < bound, pl.format(f"{column} {{}} < {bound}", _readable(column)))


def _above(reason: str, column: str, bound: float | None) -> Rule | None:
    if bound is None:
        return None
    return Rule(reason, pl.col(column) > bound, pl.format(f"{column} {{}} > {bound}", _readable(column)))


def _readable(column: str) -> pl.Expr:
    return pl.col(column).round(4) if column in _SHARES else pl.col(column)
