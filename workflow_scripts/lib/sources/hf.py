"""``hf://<owner>/<name>[@revision]/<config>/<split>``: files of a Hugging Face repository, or of a mirror of it.

Huggingface_hub says where the hub is (``HF_ENDPOINT``), who asks (``HF_TOKEN``, ``HF_HOME``), what lies in the
repository and what a refusal means.
"""

import logging
from pathlib import Path

from httpx2 import TransportError
from huggingface_hub import HfApi, constants, get_cached_repo_tree, get_token, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import CachedRepoTreeNotFoundError, HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.hf_api import DatasetInfo, ModelInfo, RepoSibling

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sources import selection
from workflow_scripts.lib.sources.downloads import Downloads
from workflow_scripts.lib.sources.remote import Bearer, Listing, Remote
from workflow_scripts.lib.sources.retries import BUSY, TransientError, patiently, wait_asked_for
from workflow_scripts.lib.sources.uris import Uri

log = logging.getLogger(__name__)
logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of every request

_TIMEOUT = 60.0  # seconds for the hub to describe a repository
_RELIABLE = 50_000  # files; of a larger repository the hub does not list all at once
_PARQUET = "refs/convert/parquet"  # where the hub keeps data sets that have a loading script as plain files
_BY_HAND = "put the files into data_raw/<name of the source>/"


def listing(uri: Uri, revision: str | None, folder: Path) -> Listing:
    """Say which files the URI means and where they are.

    Args:
        uri: Parsed URI.
        revision: Branch, tag or commit; none: the default branch.
        folder: For the repository's card, which may say which files belong to which split.

    Raises:
        UserError: If the repository, revision, config, split or file does not exist or may not be read.
        TransientError: If the hub does not answer.
    """
    auth = Bearer(get_token())
    if constants.is_offline_mode():
        return _cached_listing(uri, revision)
    commit, files = _tree(uri, revision)
    names = list(files)
    if _needs_script(uri, names, lambda: _card(uri, commit, files, auth, folder)):
        if revision is not None:
            raise UserError(
                f"{uri.package} has a loading script, which is not run, and at a fixed revision no Parquet files",
                uri.text,
                f"write hf://{uri.package}@{_PARQUET}/{uri.path} or a commit of it, or name raw files; there are: "
                f"{selection.some(names)}",
            )
        log.info("%s has a loading script, which is not run: its Parquet files are taken", uri.package)
        commit, files = _tree(uri, _PARQUET)
        names = list(files)
    chosen = selection.select(names, uri, lambda: _card(uri, commit, files, auth, folder))
    return Listing(commit, [_remote(uri, commit, files[name]) for name in chosen], auth)


def refused(uri: Uri, status: int, code: str) -> UserError | None:
    """Return what a refusal of the hub means; none if it means nothing that the hub documents."""
    page = f"{constants.ENDPOINT}/{'' if uri.is_model else 'datasets/'}{uri.package}"
    kind = "model" if uri.is_model else "data set"
    if code == "GatedRepo":
        if get_token():
            change = f"the account of HF_TOKEN has no access yet: accept the terms at {page} with it, or {_BY_HAND}"
        else:
            change = f"accept the terms at {page}, then set HF_TOKEN to a token of that account, or {_BY_HAND}"
        return UserError(f"the {kind} {uri.package} is gated", uri.text, change)
    if code == "RevisionNotFound":
        return UserError(
            f"{uri.package} has no such revision", uri.text, f"give a branch, tag or commit that {page} lists"
        )
    if code == "EntryNotFound":
        return UserError(f"{uri.package} has no such file", uri.text, f"name one that {page}/tree/main lists")
    if code == "RepoNotFound" or status == 404:
        change = f"check the name at {page}; for a private one, set HF_TOKEN"
        return UserError(f"there is no {kind} {uri.package}, or it is private", uri.text, change)
    if status in (401, 403):
        has = "the hub does not accept HF_TOKEN" if get_token() else f"the hub wants to know who asks for {uri.package}"
        return UserError(f"{has} ({status})", uri.text, f"set HF_TOKEN to a valid token that may read {page}")
    return None


def unanswered(uri: Uri, error: TransientError) -> UserError:
    """Return what to do when the hub does not answer, or asks for a long wait."""
    if not error.unreachable:
        wait = f" and asks to wait {error.wait:.0f} s" if error.wait else ""
        return UserError(
            f"{error}{wait}, while fetching {uri.text}",
            uri.text,
            "run again later, set HF_TOKEN (a known user may ask more often), set HF_ENDPOINT to a mirror, "
            f"or {_BY_HAND}",
        )
    return UserError(
        f"{constants.ENDPOINT} cannot be reached for {uri.text} ({error})",
        uri.text,
        f"set HF_ENDPOINT to a mirror that you can reach, such as https://hf-mirror.com, or {_BY_HAND}",
    )


def _tree(uri: Uri, revision: str | None) -> tuple[str, dict[str, RepoSibling]]:
    """Return the commit and what the hub says of each of its files, by name."""

    def ask() -> DatasetInfo | ModelInfo:
        try:
            return HfApi().repo_info(
                uri.package, repo_type=_kind(uri), revision=revision, timeout=_TIMEOUT, files_metadata=True
            )
        except TransportError as error:
            raise TransientError(type(error).__name__, unreachable=True) from None
        except HfHubHTTPError as error:
            status, headers = error.response.status_code, error.response.headers
            if status in BUSY:
                wait = wait_asked_for(headers.get("Retry-After"))
                raise TransientError(f"the hub answers {status}", wait) from None
            if isinstance(error, RevisionNotFoundError):
                raise _no_revision(uri, revision) from None
            raise refused(uri, status, headers.get("X-Error-Code", "")) or UserError(
                f"the hub answers {status}", uri.text, f"check HF_ENDPOINT ({constants.ENDPOINT})"
            ) from None
        except (ValueError, KeyError, TypeError):  # a page of a gateway instead of an answer
            raise UserError(
                f"{constants.ENDPOINT} does not answer as a Hugging Face hub does",
                uri.text,
                f"set HF_ENDPOINT to one that does, such as https://hf-mirror.com, or {_BY_HAND}",
            ) from None

    info = patiently(ask)
    if len(info.siblings) >= _RELIABLE:
        raise UserError(f"{uri.package} has too many files to list", uri.text, _BY_HAND)
    return info.sha, {file.rfilename: file for file in info.siblings}


def _remote(uri: Uri, commit: str, file: RepoSibling) -> Remote:
    found = try_to_load_from_cache(uri.package, file.rfilename, revision=commit, repo_type=_kind(uri))
    return Remote(
        path=file.rfilename,
        url=hf_hub_url(uri.package, file.rfilename, repo_type=_kind(uri), revision=commit),
        size=file.lfs.size if file.lfs else file.size,
        algorithm="sha256" if file.lfs else "git-sha1",
        digest=file.lfs.sha256 if file.lfs else file.blob_id,
        local=Path(found) if isinstance(found, str) else None,
    )


def _needs_script(uri: Uri, names: list[str], card: selection.Card) -> bool:
    """Tell whether only a loading script knows what the configs and splits are."""
    script = f"{uri.package.partition('/')[2]}.py"
    by_split = bool(uri.path) and not uri.names_files
    return by_split and script in names and not selection.has_configs(card())


def _card(uri: Uri, commit: str, files: dict[str, RepoSibling], auth: Bearer, folder: Path) -> str | None:
    if "README.md" not in files:
        return None
    remote, target = _remote(uri, commit, files["README.md"]), folder / "README.md"
    if not remote.is_at(target):
        Downloads(uri.text, auth, lambda status, code: refused(uri, status, code)).fetch(remote, target)
    return target.read_text(encoding="utf-8", errors="replace")


def _no_revision(uri: Uri, revision: str | None) -> UserError:
    if revision == _PARQUET:
        return UserError(
            f"{uri.package} has a loading script, which is not run, and the hub has no Parquet files of it",
            uri.text,
            f"name raw files, as hf://{uri.package}/<path or glob>, or {_BY_HAND}",
        )
    error = refused(uri, 404, "RevisionNotFound")
    return UserError(f"{uri.package} has no revision {revision!r}", uri.text, error.change)


def _cached_listing(uri: Uri, revision: str | None) -> Listing:
    """Say which files the URI means from the listing that huggingface_hub keeps of what it has downloaded."""
    missing = UserError(
        f"{uri.text} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it",
        uri.text,
        f"unset HF_HUB_OFFLINE, or {_BY_HAND}",
    )
    try:
        tree = get_cached_repo_tree(uri.package, repo_type=_kind(uri), revision=revision)
    except CachedRepoTreeNotFoundError:
        raise missing from None

    def cached(name: str) -> Path:
        found = try_to_load_from_cache(uri.package, name, revision=revision or "main", repo_type=_kind(uri))
        if not isinstance(found, str):
            raise missing
        return Path(found)

    names = [file.path for file in tree]
    card = "README.md"
    chosen = selection.select(names, uri, lambda: cached(card).read_text("utf-8") if card in names else None)
    files = []
    for name in chosen:
        path = cached(name)
        digest = path.resolve().name  # the cache names its blobs by their hash
        algorithm = {40: "git-sha1", 64: "sha256"}.get(len(digest))
        if algorithm is None:
            raise missing
        files.append(Remote(name, "", path.stat().st_size, algorithm, digest, path))
        commit = path.parents[name.count("/")].name
    return Listing(commit, files)


def _kind(uri: Uri) -> str:
    return "model" if uri.is_model else "dataset"
