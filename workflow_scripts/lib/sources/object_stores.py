"""What the rules ask object stores, once in a process: a sweep asks for two hundred plans."""

import functools
from dataclasses import dataclass

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance.sizes import size
from workflow_scripts.lib.sources import s3
from workflow_scripts.lib.sources.uris import parse


@dataclass(frozen=True)
class Told:
    """What a store says of a URI.

    Attributes:
        addresses: Of its objects, ``s3://<bucket>/<key>``.
        summary: Number and bytes, in words.
        version: Differs where any object does.
    """

    addresses: list[str]
    summary: str
    version: str


@functools.cache
def ask(uri: str) -> Told | UserError:
    """Return what the store says, or why it says nothing."""
    parsed = parse(uri)
    try:
        objects = s3.listing(parsed)
    except UserError as error:
        return error
    addresses = [f"s3://{parsed.package}/{stored.key}" for stored in objects]
    summary = f"{len(objects):,}, {size(sum(stored.size for stored in objects))}"
    return Told(addresses, summary, s3.version(objects))
