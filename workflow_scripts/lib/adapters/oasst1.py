"""OpenAssistant conversation trees (oasst1): flat messages that name their parent, or trees with nested replies."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pydantic import Field

from workflow_scripts.lib.adapters.base import Context, Row, attempt, part_id, used_by
from workflow_scripts.lib.adapters.conversations import role_of
from workflow_scripts.lib.adapters.message_trees import Node, grow, paths
from workflow_scripts.lib.adapters.options import AdapterOptions
from workflow_scripts.lib.adapters.values import decoded, kept, number_or_none, switch_or_none
from workflow_scripts.lib.config.fields import Text
from workflow_scripts.lib.records import Drop, RawRow, RejectedRowError, message, sft_row, text_of

USES = ("sft", "evaluation")
SHAPES = (("message_id", "parent_id", "text", "role"), ("message_tree_id", "prompt"))
OPTIONAL = ("lang", "rank", "deleted", "review_result", "tree_state")


class Options(AdapterOptions):
    """Which conversations of a tree are taken.

    ``paths``: ``best`` follows the best-ranked reply at every turn and gives one dialogue a tree; ``all`` gives one for
    every last reply, so that the beginnings they share stand in several rows. ``languages``: tags such as zh, which
    covers zh-CN too; none given: all.
    """

    paths: Literal["best", "all"] = "best"
    languages: list[Text] = Field(default_factory=list)


def convert(rows: Iterable[RawRow], options: Options, context: Context) -> Iterator[Row | Drop]:
    """Read all messages first: a reply may stand before what it replies to."""
    nodes: dict[str, Node] = {}
    order: list[str] = []
    ends: dict[str, Row | Drop] = {}
    for raw in rows:
        if isinstance(decoded(raw.value.get("prompt")), dict):
            yield from _dialogues_of_tree(raw, options, context)
            continue
        order.append(raw.id)
        node = attempt(raw, lambda raw: _node(raw.id, raw.value, options))
        if isinstance(node, Node) and node.name in nodes:
            node = Drop(raw.id, "duplicate_id", f"{nodes[node.name].raw_id} has the same message_id")
        if isinstance(node, Drop):
            ends[raw.id] = node
        else:
            nodes[node.name] = node
    roots, lost = grow(nodes)
    ends |= {node.raw_id: Drop(node.raw_id, reason, detail) for node, reason, detail in lost}
    for root in roots:
        reached, taken = paths(root, options.paths)
        ends |= {node.raw_id: Drop(node.raw_id, *_why_left_out(node)) for node in reached}
        for path in reversed(taken):  # of the rows that a message is used by, the first one is named
            ends |= {node.raw_id: used_by(node.raw_id, path[-1].raw_id) for node in path}
        ends |= {path[-1].raw_id: _dialogue(path, path[-1].raw_id, context) for path in taken}
    for raw_id in order:
        yield ends[raw_id]


def _node(raw_id: str, row: dict[str, Any], options: Options) -> Node:
    """Return one message as a node.

    Raises:
        RejectedRowError: If the message is deleted, failed its review, is of another language, or is none.
    """
    name = text_of(row.get("message_id"), "message_id")
    parent = row.get("parent_id")
    said = message(role_of(row.get("role")), row.get("text"))
    if switch_or_none(row.get("deleted")):
        raise RejectedRowError("deleted", f"message {name}")
    if switch_or_none(row.get("review_result")) is False:
        raise RejectedRowError("review_failed", f"message {name}")
    if row.get("tree_state") not in (None, "ready_for_export"):
        raise RejectedRowError("tree_not_ready", f"tree_state is {row['tree_state']!r}")
    if not said["content"]:
        raise RejectedRowError("empty_text", f"message {name}")
    if said["role"] not in ("user", "assistant"):
        raise RejectedRowError("unknown_role", f"role is {row['role']!r}")
    language = row.get("lang")
    if options.languages and not (isinstance(language, str) and _is_among(language, options.languages)):
        raise RejectedRowError("other_language", f"lang is {language!r}")
    return Node(
        raw_id,
        name,
        text_of(parent, "parent_id") if parent not in (None, "") else None,
        said,
        number_or_none(row.get("rank")),
        kept(row, "lang"),
    )


def _is_among(tag: str, languages: list[str]) -> bool:
    return any(tag.lower() == asked.lower() or tag.lower().startswith(f"{asked.lower()}-") for asked in languages)


def _why_left_out(node: Node) -> tuple[str, str]:
    if node.said["role"] == "user" and not any(reply.said["role"] == "assistant" for reply in node.replies):
        return "no_answer", "nobody answered"
    return "not_best", "another reply of the same turn is ranked higher"


def _dialogue(path: list[Node], row_id: str, context: Context) -> Row:
    meta = {"tree": path[0].name} | path[-1].meta
    return sft_row(row_id, context.source, [node.said for node in path], meta=meta)


def _dialogues_of_tree(raw: RawRow, options: Options, context: Context) -> Iterator[Row | Drop]:
    """Yield the dialogues of a record that holds a whole tree."""
    nodes: dict[str, Node] = {}
    reasons: Counter[str] = Counter()
    shared = {"tree_state": raw.value.get("tree_state")}
    pending = [(decoded(raw.value["prompt"]), None)]
    while pending:
        value, parent = pending.pop()
        name = str(len(nodes))  # messages may come without an id of their own
        row = {"message_id": name, **value} if value.get("message_id") is None else dict(value)
        node = attempt(
            RawRow(raw.id, row | shared | {"parent_id": None}), lambda raw: _node(raw.id, raw.value, options)
        )
        if isinstance(node, Drop):
            reasons[node.reason] += 1
            continue
        node.parent = parent
        if node.name in nodes:
            reasons["duplicate_id"] += 1
            continue
        nodes[node.name] = node
        replies = value.get("replies")
        if isinstance(replies, list):
            pending += [(reply, node.name) for reply in reversed(replies) if isinstance(reply, dict)]
    roots, _ = grow(nodes)
    taken = [path for root in roots for path in paths(root, options.paths)[1]]
    if not taken:
        detail = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        yield Drop(raw.id, "no_dialogue", f"no answered message is left of the tree{f' ({detail})' if detail else ''}")
    for number, path in enumerate(taken):
        yield _dialogue(path, part_id(raw.id, number), context)
