"""``s3://<bucket>/<key, prefix/ or glob>``: which objects it means now. Snakemake's storage plugin fetches them."""

import hashlib
import json
import posixpath
import re
from dataclasses import dataclass

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import s3_client
from workflow_scripts.lib.sources.globs import matcher
from workflow_scripts.lib.sources.names import check_name, is_hidden
from workflow_scripts.lib.sources.selection import some
from workflow_scripts.lib.sources.uris import Uri

_BY_HAND = ", or put the files into data_raw/<name of the source>/ (of a model: name them by file://)"
_GLOB = re.compile(r"[*?{]")
_UNNAMEABLE = re.compile(r"[{}#?]")  # wildcards to Snakemake; the end of a path to the plugin (0.3.6), which reads URLs


@dataclass(frozen=True)
class Stored:
    """An object as the store lists it.

    Attributes:
        key: Its name in the bucket.
        name: Where it belongs, relative to the folder that it is fetched to.
        size: Bytes.
        etag: Changes when the bytes do; for an object that came in one piece and is not encrypted with a key of KMS, it
            is their MD5.
    """

    key: str
    name: str
    size: int
    etag: str


def listing(uri: Uri) -> list[Stored]:
    """Return the objects that a URI means now, sorted.

    Raises:
        UserError: If there are none, or the store refuses to say or does not answer.
    """
    fixed = _GLOB.split(uri.path)[0]
    with s3_client.explained(uri.text, _BY_HAND):
        there = s3_client.listed(uri.package, fixed)
    pattern = matcher(uri.path)
    above = len(posixpath.dirname(fixed)) + 1 if "/" in fixed else 0
    found = [
        Stored(entry["Key"], entry["Key"][above:], entry["Size"], entry["ETag"].strip('"'))
        for entry in there
        if pattern.fullmatch(entry["Key"]) and not entry["Key"].endswith("/") and not is_hidden(entry["Key"][above:])
    ]
    if not found:
        near = f"there are: {some([entry['Key'] for entry in there])}" if there else "check the key, or write a glob"
        raise UserError(f"bucket {uri.package} has no object {uri.path}", uri.text, near + _BY_HAND)
    for stored in found:
        check_name(stored.name, uri.text)
        if _UNNAMEABLE.search(stored.key) or posixpath.normpath(stored.key) != stored.key:
            raise UserError(
                f"the storage plugin cannot fetch the object {stored.key!r}",
                uri.text,
                "give it a name without {, }, #, ?, // and .., or name other objects",
            )
    found.sort(key=lambda stored: stored.key)
    first = f"s3://{uri.package}/{found[0].key}"
    with s3_client.explained(first, _BY_HAND):  # who may see names may not read the objects yet
        s3_client.described(uri.package, found[0].key)
    return found


def version(objects: list[Stored]) -> str:
    """Return what tells one state of objects from another: the ETag of one, a digest over several."""
    if len(objects) == 1:
        return f"etag:{objects[0].etag}"
    told = json.dumps([[stored.key, stored.size, stored.etag] for stored in objects])
    return f"etags:{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def is_encrypted_by_key(bucket: str, key: str) -> bool:
    """Tell whether an object is encrypted by a key of KMS or of the customer, so that its ETag is not its MD5."""
    with s3_client.explained(f"s3://{bucket}/{key}", _BY_HAND):
        told = s3_client.described(bucket, key)
    return told.get("ServerSideEncryption", "").startswith("aws:kms") or "SSECustomerAlgorithm" in told
