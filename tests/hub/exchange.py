"""What is asked of the hub, and how its answer goes wrong."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """How an answer goes wrong, once.

    Attributes:
        status: Answer with this status and no body.
        headers: More headers of the answer.
        cut_at: Break the connection after so many bytes of the body.
        stalls_at: Send so many bytes of the body, and then nothing more for half a minute.
        body: Send these bytes instead of the right ones.
        ignores_range: Answer with the whole file though a part was asked for.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    stalls_at: int | None = None
    body: bytes | None = None
    ignores_range: bool = False


@dataclass(frozen=True)
class Request:
    """What a client asked: the server (``hub`` or ``cdn``), method, path, and its headers in lower case."""

    server: str
    method: str
    path: str
    headers: dict[str, str]
