"""Trees of messages, and the dialogues in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Node:
    """One message: ``said`` is the message as rows have it, ``rank`` 0 is the best of the replies to one message."""

    raw_id: str
    name: str
    parent: str | None
    said: dict[str, str]
    rank: float | None
    meta: dict[str, Any]
    replies: list["Node"] = field(default_factory=list)

    @property
    def order(self) -> tuple:
        """Sort key among siblings: by rank, unranked ones last; those that somebody answered before the others."""
        return (self.rank is None, self.rank or 0.0, not self.replies, self.name)


def grow(nodes: dict[str, Node]) -> tuple[list[Node], list[tuple[Node, str, str]]]:
    """Hang replies on what they reply to.

    What is below a message that is gone goes too: a dialogue with a hole would be another one.

    Returns:
        The roots, and the messages that no root leads to, each with reason and detail.
    """
    roots: list[Node] = []
    lost: list[tuple[Node, str, str]] = []
    waiting: dict[str, list[Node]] = {}
    for node in nodes.values():
        if node.parent is None:
            roots.append(node)
        else:
            waiting.setdefault(node.parent, []).append(node)
    for root in roots:
        if root.said["role"] != "user":
            lost.append((root, "roles", "a conversation begins with the assistant"))
    roots = [root for root in roots if root.said["role"] == "user"]
    pending = list(roots)
    while pending:
        node = pending.pop()
        for reply in waiting.pop(node.name, []):
            if reply.said["role"] == node.said["role"]:
                lost.append((reply, "roles", f"replies to {node.name}, of the same role"))
            else:
                node.replies.append(reply)
                pending.append(reply)
    for parent, replies in waiting.items():
        detail = f"it replies to {parent}, which is not usable or not in the files"
        lost += [(reply, "parent_gone", detail) for reply in replies]
    return roots, lost


def paths(root: Node, which: str) -> tuple[list[Node], list[list[Node]]]:
    """Return all messages below a root, and the dialogues to take: each ends with an answer.

    Args:
        root: A message of the user.
        which: ``best``: one path, along the best reply of every turn; ``all``: a path to every last answer.
    """
    reached = list(_walk(root))
    if which == "best":
        path = [root]
        while path[-1].replies:
            path.append(min(path[-1].replies, key=lambda reply: reply.order))
        if path[-1].said["role"] == "user":
            path.pop()
        return reached, [path] if path else []
    above = {id(reply): node for node in reached for reply in node.replies}
    last = [
        node
        for node in reached
        if node.said["role"] == "assistant" and not any(reply.replies for reply in node.replies)
    ]
    return reached, [_path_to(node, above) for node in last]


def _walk(root: Node) -> Iterator[Node]:
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += sorted(node.replies, key=lambda reply: reply.order, reverse=True)


def _path_to(node: Node, above: dict[int, Node]) -> list[Node]:
    path = [node]
    while id(path[-1]) in above:
        path.append(above[id(path[-1])])
    return path[::-1]
