"""What of a run goes to an object store, what of it is there already, and the upload."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export.exposed import secrets_in
from workflow_scripts.lib.provenance.records import file_digest
from workflow_scripts.lib.provenance.sizes import size
from workflow_scripts.lib.sources import s3_client
from workflow_scripts.lib.sources.uris import parse

# Results that a person would want elsewhere. Rows, store, records and logs stay: they are large, hold paths of this
# machine, or are the data of others.
PARTS = {
    "config": ("config.yaml",),
    "data": ("data/card.json", "data/card.md", "data/card/*.svg"),
    "sft": ("models/sft/*",),
    "align": ("models/align/*",),
    "merged": ("models/merged/*",),
    "gguf": ("models/gguf/*",),
    "eval": ("eval/report.*", "eval/base/**/*", "eval/sft/**/*", "eval/align/**/*"),
}
_OF_THIS_MACHINE = ("timing.json",)  # how long it took here
_DIGEST = "sha256"  # metadata of an object: an ETag is no hash of what came in several parts


@dataclass(frozen=True)
class File:
    """A file to be sent.

    Attributes:
        path: Here.
        key: There, in the bucket.
        digest: SHA-256.
        state: ``new``, ``changed`` or ``same`` there.
    """

    path: Path
    key: str
    digest: str
    state: str


@dataclass(frozen=True)
class Plan:
    """What goes where: all files of the parts, and how many further objects are there, which stay."""

    address: str
    bucket: str
    files: list[File]
    num_others: int

    @property
    def unsent(self) -> list[File]:
        return [file for file in self.files if file.state != "same"]

    def lines(self, results: Path) -> list[str]:
        """Return the plan in words."""
        sizes = [(file, file.path.stat().st_size) for file in self.unsent]
        listed = [f"  {file.state:8}{file.path.relative_to(results)}  {size(num)}" for file, num in sizes]
        same = len(self.files) - len(sizes)
        left = f"; {self.num_others} other objects there are left alone" if self.num_others else ""
        total = (
            f"  {size(sum(num for _, num in sizes))} to send; {same} of {len(self.files)} files are there already{left}"
        )
        return [f"{results} → {self.address}", *listed, total]


def plan(results: Path, parts: list[str], address: str) -> Plan:
    """Return what is to be sent, all of it checked.

    Args:
        results: Folder of the results.
        parts: Some of ``PARTS``; none: all that are there.
        address: ``s3://<bucket>/<folder>``.

    Raises:
        UserError: If the address is none, there is nothing to send, a file holds a secret, or the store refuses.
    """
    uri = parse(address.rstrip("/")) if address.startswith("s3://") else None
    if uri is None or set("*?{}#") & set(uri.path):
        raise UserError(f"{address!r} is no folder in an object store", "TO", "write s3://<bucket>/<folder>")
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise UserError(f"unknown part {unknown[0]!r}", "PARTS", f"name some of: {', '.join(PARTS)}")
    found = {part: _files(results, PARTS[part]) for part in parts or PARTS}
    missing = [part for part in parts if not found[part]]
    if missing or not any(found.values()):
        raise UserError(
            f"there is nothing of {', '.join(missing) or 'a run'} to send", str(results), "run `make report`"
        )
    paths = [path for part in found.values() for path in part]
    wrong = list(secrets_in(paths, s3_client.secrets()))
    if wrong:
        raise UserError("; ".join(wrong), str(results), "remove what should not be read by others")
    with s3_client.explained(address):
        there = {entry["Key"]: entry["Size"] for entry in s3_client.listed(uri.package, f"{uri.path}/")}
        keys = {path: f"{uri.path}/{path.relative_to(results).as_posix()}" for path in paths}
        files = [_file(path, key, uri.package, there) for path, key in keys.items()]
    others = there.keys() - {file.key for file in files}
    return Plan(f"s3://{uri.package}/{uri.path}", uri.package, files, len(others))


def upload(file: File, bucket: str) -> None:
    """Send one file, in parts and with further tries as boto3 sees fit.

    Raises:
        UserError: If the store refuses or does not answer.
    """
    kind = mimetypes.guess_type(file.path.name)[0] or "application/octet-stream"
    more = {"Metadata": {_DIGEST: file.digest}, "ContentType": kind}
    with s3_client.explained(f"s3://{bucket}/{file.key}"):
        s3_client.client().upload_file(str(file.path), bucket, file.key, ExtraArgs=more)


def _files(results: Path, globs: tuple[str, ...]) -> list[Path]:
    found = {path for glob in globs for path in results.glob(glob) if path.is_file()}
    return sorted(path for path in found if path.name not in _OF_THIS_MACHINE)


def _file(path: Path, key: str, bucket: str, there: dict[str, int]) -> File:
    digest = file_digest(path)
    if key not in there:
        return File(path, key, digest, "new")
    same = there[key] == path.stat().st_size
    same = same and s3_client.described(bucket, key)["Metadata"].get(_DIGEST) == digest
    return File(path, key, digest, "same" if same else "changed")
