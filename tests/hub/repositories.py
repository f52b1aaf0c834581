"""What a hub holds: repositories with commits, branches, and files that are stored in git or beside it (LFS)."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

_LFS_SUFFIXES = (".parquet", ".safetensors", ".gguf", ".gz", ".xz", ".zst", ".zip", ".bin", ".arrow")
_LFS_BYTES = 10_000_000  # from here on the real hub wants LFS too

Content = bytes | str | Path


@dataclass(frozen=True)
class StoredFile:
    content: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blob_id(self) -> str:
        """The git hash: of the bytes, or of the pointer that stands for them."""
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        stored = pointer.encode() if self.is_lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.blob_id


@dataclass
class Repository:
    """One data set or model.

    Attributes:
        kind: ``datasets`` or ``models``, as addresses have it.
        name: ``<owner>/<name>``.
        gated: Whether only granted tokens may read files.
        private: Whether it was made for its owner alone.
        commits: Hash to files by name.
        refs: Branch or tag to hash.
    """

    kind: str
    name: str
    gated: bool = False
    private: bool = False
    commits: dict[str, dict[str, StoredFile]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, Content], ref: str) -> str:
        """Put a commit that holds exactly these files on a branch, and return its hash."""
        stored = {}
        for name, content in sorted(files.items()):
            data = _bytes(content)
            stored[name] = StoredFile(data, name.endswith(_LFS_SUFFIXES) or len(data) >= _LFS_BYTES)
        told = "\n".join(
            [self.kind, self.name, ref, str(len(self.commits)), *(f"{n} {f.etag}" for n, f in stored.items())]
        )
        sha = hashlib.sha1(told.encode()).hexdigest()
        self.commits[sha] = stored
        self.refs[ref] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        return self.refs.get(revision) or (revision if revision in self.commits else None)


def files_below(folder: Path) -> dict[str, Content]:
    """Return all files of a folder, such as a model that ``save_pretrained`` has written."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _bytes(content: Content) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    return content.encode("utf-8") if isinstance(content, str) else content
