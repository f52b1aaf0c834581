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


def too_short_chars(bounds: Bounds) -> Rule | None:
    return _below("too_short_chars", "chars", bounds.min_chars)


def too_long_chars(bounds: Bounds) -> Rule | None:
    return _above("too_long_chars", "chars", bounds.max_chars)


def too_short_tokens(bounds: Bounds) -> Rule | None:
    return _below("too_short_tokens", "tokens", bounds.min_tokens)


def too_long_tokens(bounds: Bounds) -> Rule | None:
    return _above("too_long_tokens", "tokens", bounds.max_tokens)


def too_little_han(bounds: Bounds) -> Rule | None:
    rule = _below("too_little_han", "han_ratio", bounds.min_han_ratio)
    if rule is None or not bounds.allow_english:
        return rule
    return Rule(rule.reason, rule.fails & (pl.col("lang") != "en"), rule.detail)


def too_repetitive(bounds: Bounds) -> Rule | None:
    return _above("too_repetitive", "repetition", bounds.max_repetition)


def malformed(bounds: Bounds) -> Rule:
    """Drop conversations that cannot be trained on; no bound switches this off."""
    return Rule("malformed", pl.col("flags").list.len() > 0, pl.col("flags").list.join(", "))


# The first rule that fails gives the reason. A new filter is a function above and its place here.
FILTERS: tuple[Callable[[Bounds], Rule | None], ...] = (
    malformed,
    too_short_chars,
    too_long_chars,
    too_short_tokens,
    too_long_tokens,
    too_little_han,
    too_repetitive,
)


def rules(bounds: Bounds) -> list[Rule]:
    """Return the rules that are switched on, in the order in which they are asked."""
    return [rule for make in FILTERS if (rule := make(bounds)) is not None]


def _below(reason: str, column: str, bound: float | None) -> Rule | None:
    if bound is None:
        return None
    return Rule(reason, pl.col(column) < bound, pl.format(f"{column} {{}} < {bound}", _readable(column)))


def _above(reason: str, column: str, bound: float | None) -> Rule | None:
    if bound is None:
        return None
    return Rule(reason, pl.col(column) > bound, pl.format(f"{column} {{}} > {bound}", _readable(column)))


def _readable(column: str) -> pl.Expr:
    return pl.col(column).round(4) if column in ("han_ratio", "repetition") else pl.col(column)
