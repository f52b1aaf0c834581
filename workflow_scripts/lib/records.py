"""Canonical rows, the same for all sources, and the ledger of rows that did not become one."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from workflow_scripts.lib.jsonl import dumps
from workflow_scripts.lib.text import canonical, canonical_of, is_usual, is_valid_unicode, language, normalize

ROLES = ("system", "user", "assistant", "tool")
_CONTENT_OF = {role: f"content of {role}" for role in ROLES}
MAX_CHARS = 1_000_000  # no model reads more in one message, and measuring it would cost gigabytes of memory
_UNIT_SEPARATOR = "\x1f"


class RawRow(NamedTuple):
    """One record of a raw file: ``id`` is ``<source>/<raw file>#<row>``, ``value`` anything that JSON can say.

    ``folder`` is the name of the folder that the file stands in: some data sets say by it what a row means.
    """

    id: str
    value: Any
    folder: str = ""


@dataclass(frozen=True)
class Drop:
    """A record that ends here, and why."""

    id: str
    reason: str
    detail: str

    def line(self, step: str) -> dict[str, str]:
        """Return the ledger line; what cannot be written as UTF-8 is escaped."""
        detail = self.detail if len(self.detail) <= 200 else self.detail[:199] + "…"
        detail = detail.encode("utf-8", "backslashreplace").decode("utf-8")
        return {"id": self.id, "step": step, "reason": self.reason, "detail": detail}


class RejectedRowError(Exception):
    """Raised while a row is read: it becomes a line in the ledger, and the run goes on."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


def text_of(value: Any, name: str) -> str:
    """Return a raw value as normalized text.

    Raises:
        RejectedRowError: ``not_text``, ``oversize`` or ``invalid_unicode``.
    """
    if not isinstance(value, str):
        raise RejectedRowError("not_text", f"{name} is {type(value).__name__}")
    if len(value) > MAX_CHARS:
        raise RejectedRowError("oversize", f"{name} has {len(value)} characters, at most {MAX_CHARS} are read")
    if is_usual(value):
        return value
    if not is_valid_unicode(value):
        raise RejectedRowError("invalid_unicode", f"{name} has characters that are no Unicode text")
    return normalize(value)


def message(role: Any, content: Any) -> dict[str, str]:
    """Return one normalized message.

    Raises:
        RejectedRowError: ``unknown_role``, or as ``text_of``.
    """
    if role not in ROLES:
        raise RejectedRowError("unknown_role", f"role is {role!r}")
    return {"role": role, "content": text_of(content, _CONTENT_OF[role])}


def sft_row(
    raw_id: str,
    source: str,
    messages: list[dict[str, str]],
    *,
    group: str | None = None,
    weight: float | None = None,
    meta: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a row for supervised fine-tuning, keys in the order of the contract.

    Args:
        raw_id: The raw row's id; further rows of one record have ``+1``, ``+2``, … after it.
        source: Name of the source.
        messages: Messages made by ``message``.
        group: What must stay in one split; None: the first prompt.
        weight: Loss weight of the row; None and 1 are not written.
        meta: Anything worth keeping that is not learned, not hashed.
    """
    contents = [each["content"] for each in messages]
    row = {"id": raw_id, "source": source, "messages": messages, "lang": language("\n".join(contents))}
    if weight is not None and weight != 1:
        row["weight"] = weight
    forms = [canonical_of(content) for content in contents]
    row["group"] = group or _group(messages, forms)
    return _finished(row, meta, forms)


def preference_row(
    raw_id: str,
    source: str,
    prompt: list[dict[str, str]],
    chosen: str,
    rejected: str,
    *,
    group: str | None = None,
    meta: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Build a preference row; ``chosen`` and ``rejected`` are texts of the assistant, normalized by ``text_of``."""
    contents = [each["content"] for each in prompt] + [chosen, rejected]
    forms = [canonical_of(content) for content in contents]
    row = {
        "id": raw_id,
        "source": source,
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "lang": language("\n".join(contents[:-1])),
        "group": group or _group(prompt, forms),
    }
    return _finished(row, meta, forms)


def group_of(text: str) -> str:
    """Return the group of a prompt or a poem: 16 hex digits, the same in all uses and sources."""
    return _digest(canonical(text))[:16]


def first_prompt_group(messages: list[dict[str, str]]) -> str:
    return _group(messages, [canonical(each["content"]) for each in messages])


def content_hash(contents: Iterable[str]) -> str:
    """Return the SHA-256 that two rows share when their contents, in order, differ at most in width and space."""
    return _hash(map(canonical, contents))


def _group(messages: list[dict[str, str]], forms: list[str]) -> str:
    """Return the group of the first message of the user; without one, of all messages.

    Args:
        messages: Of a row.
        forms: The canonical form of each, and of what follows them, if anything.
    """
    for each, form in zip(messages, forms, strict=False):
        if each["role"] == "user":
            return _digest(form)[:16]
    return group_of("\n".join(each["content"] for each in messages))


def _hash(forms: Iterable[str]) -> str:
    return _digest(_UNIT_SEPARATOR.join(forms))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _finished(row: dict[str, Any], meta: dict[str, Any] | None, forms: list[str]) -> dict[str, Any]:
    if meta:
        if not is_valid_unicode(dumps(meta)):
            raise RejectedRowError("invalid_unicode", "a field kept in meta has characters that are no Unicode text")
        row["meta"] = meta
    row["hash"] = _hash(forms)
    return row
