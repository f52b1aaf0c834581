"""What the hub answers, in the shapes of the real ones: the Hugging Face API, file addresses, ModelScope's API."""

import json
import re
import time
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from hub import uploads
from hub.exchange import Fault, Request
from hub.repositories import Repository, StoredFile

_API = re.compile(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|refs|paths-info)(?:/([^/]+)(?:/(.*))?)?)?")
_RESOLVE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/(refs%2F[^/]+|[^/]+)/(.+)")
_MODELSCOPE = re.compile(r"/api/v1/(datasets|models)/([^/]+/[^/]+)/repo(/tree|/files)?")
_CDN = re.compile(r"/cdn/(datasets|models)/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)")


class _Handler(BaseHTTPRequestHandler, ABC):
    protocol_version = "HTTP/1.1"
    server_name_here = ""

    def log_message(self, *_: object) -> None:
        """The requests are kept, not printed."""

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self._posted = self._body()
        self._serve()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while length := int(self.rfile.readline(), 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self) -> None:
        self.hub = self.server.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append(Request(self.server_name_here, self.command, self.path, headers))
        self.fault = self.hub.next_fault(self.path)
        if self.fault and self.fault.status:
            self._send(self.fault.status, b"", self.fault.headers)
        else:
            self.answer()

    @abstractmethod
    def answer(self) -> None:
        """Answer what was asked."""

    def _json(self, value: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self._send(status, body, {"Content-Type": "application/json"} | (headers or {}))

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._json({"error": message}, {"X-Error-Code": code, "X-Error-Message": message}, status)

    def _bytes(self, data: bytes, headers: dict[str, str]) -> None:
        """Send a file, or the part of it that is asked for."""
        fault = self.fault
        if fault and fault.body is not None:
            data = fault.body
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        headers = {"Accept-Ranges": "bytes"} | headers
        if asked and not (fault and fault.ignores_range):
            start = int(asked[1])
            if start >= len(data):
                self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._send(206, data[start:], headers)
        else:
            self._send(200, data, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(body))))
        self.end_headers()
        if self.command == "HEAD":
            return
        fault = self.fault or Fault()
        end = next((at for at in (fault.cut_at, fault.stalls_at) if at is not None), None)
        self.wfile.write(body[:end])
        if end is not None:
            self.wfile.flush()
            self.close_connection = True
        if fault.stalls_at is not None:
            time.sleep(30)


class CdnHandler(_Handler):
    """Hands out what is stored beside git, to anyone who has the address."""

    server_name_here = "cdn"

    def answer(self) -> None:
        match = _CDN.fullmatch(unquote(urlsplit(self.path).path))
        repository = self.hub.find(match[1], match[2]) if match else None
        if repository is None:
            self._refuse(404, "", "no such file")
        else:
            self._bytes(repository.commits[match[3]][match[4]].content, {})


class HubHandler(_Handler):
    server_name_here = "hub"

    def answer(self) -> None:
        path = urlsplit(self.path).path
        if path in self.hub.plain_files:
            self._bytes(self.hub.plain_files[path], {})
        elif uploads.answer(self, path):
            return
        elif match := _MODELSCOPE.fullmatch(path):
            self._modelscope(match[1], match[2], match[3])
        elif match := _API.fullmatch(path):
            self._api(match[1], match[2], match[3], *(unquote(part or "") for part in match.group(4, 5)))
        elif match := _RESOLVE.fullmatch(path):
            kind = "datasets" if match[1] else "models"
            self._file(kind, match[2], unquote(match[3]), unquote(match[4]))
        else:
            self._refuse(404, "", "no such page")

    def _token(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def _opened(self, kind: str, name: str, revision: str) -> tuple[Repository, str] | None:
        """Return repository and commit, or refuse as the real hub does."""
        token, repository = self._token(), self.hub.find(kind, name)
        if token is not None and token not in self.hub.tokens:
            self._refuse(401, "", "Invalid credentials in Authorization header")
        elif repository is None:
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        elif (commit := repository.resolve(revision)) is None:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repository, commit
        return None

    def _api(self, kind: str, name: str, call: str | None, revision: str, path: str) -> None:
        opened = self._opened(kind, name, revision or "main")
        if opened is None:
            return
        repository, commit = opened
        files = repository.commits[commit]
        if call == "refs":
            branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in repository.refs.items()]
            self._json({"branches": branches, "tags": [], "converts": []})
        elif call == "tree":
            self._tree(files, path)
        elif call == "paths-info":
            wanted = json.loads(self._posted)["paths"]
            self._json([_entry(each, files[each]) for each in wanted if each in files])
        else:
            blobs = "blobs" in parse_qs(urlsplit(self.path).query)
            siblings = [_sibling(each, file, blobs) for each, file in files.items()]
            gated = "auto" if repository.gated else False
            about = {"_id": "0", "id": name, "author": name.partition("/")[0], "sha": commit, "siblings": siblings}
            self._json(about | {"private": False, "gated": gated, "disabled": False, "tags": [], "downloads": 0})

    def _tree(self, files: dict[str, StoredFile], path: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        below = {name: file for name, file in files.items() if not path or name.startswith(f"{path}/")}
        if not below and path:
            self._refuse(404, "EntryNotFound", "no such folder")
            return
        entries = [_entry(name, file) for name, file in below.items()]
        depth = path.count("/") + 1 if path else 0
        folders = sorted({"/".join(name.split("/")[: n + 1]) for name in below for n in range(depth, name.count("/"))})
        entries += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": folder} for folder in folders]
        if query.get("recursive", ["false"])[0].lower() not in ("true", "1"):
            entries = [entry for entry in entries if entry["path"].count("/") == depth]
        start = int(query.get("cursor", ["0"])[0])
        end = start + self.hub.page_size
        following = f"{self.hub.endpoint}{urlsplit(self.path).path}?recursive=true&cursor={end}"
        self._json(entries[start:end], {"Link": f'<{following}>; rel="next"'} if end < len(entries) else {})

    def _file(self, kind: str, name: str, revision: str, path: str) -> None:
        opened = self._opened(kind, name, revision)
        if opened is None:
            return
        repository, commit = opened
        if repository.gated and self._token() not in self.hub.granted:
            self._refuse(403 if self._token() else 401, "GatedRepo", "Access to this repository is restricted")
            return
        file = repository.commits[commit].get(path)
        if file is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.etag}"'}
        if file.is_lfs:
            location = f"{self.hub.cdn}/cdn/{kind}/{name}/{commit}/{quote(path)}?Signature=secret-of-the-cdn"
            headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
            self._send(302, b"", headers | {"Location": location})
        else:
            self._bytes(file.content, headers)

    def _modelscope(self, kind: str, name: str, call: str | None) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        repository, token = self.hub.find(kind, name), self._token()
        revision = query.get("Revision", "master")
        commit = repository and repository.resolve("main" if revision == "master" else revision)
        if commit is None:
            self._json({"Code": 10010205001, "Message": "not found", "Success": False, "Data": None}, status=404)
            return
        files = repository.commits[commit]
        if repository.gated and token not in self.hub.granted:
            self._json({"Code": 10010205002, "Message": "no permission", "Success": False, "Data": None}, status=403)
        elif call is None:
            self._bytes(files[query["FilePath"]].content, {})
        else:
            entries = [
                {"Name": path.rpartition("/")[2], "Path": path, "Type": "blob", "Size": len(file.content)}
                | {"Sha256": file.sha256, "Revision": commit, "CommittedDate": 1_700_000_000}
                for path, file in files.items()
            ]
            folders = sorted({path.rpartition("/")[0] for path in files if "/" in path})
            entries += [{"Name": each, "Path": each, "Type": "tree", "Size": 0, "Sha256": ""} for each in folders]
            if "PageSize" in query:
                size = int(query["PageSize"])
                start = size * (int(query["PageNumber"]) - 1)
                entries = entries[start : start + size]
            self._json({"Code": 200, "Success": True, "Data": {"Files": entries}})


def _entry(path: str, file: StoredFile) -> dict[str, Any]:
    lfs = {"lfs": {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}} if file.is_lfs else {}
    return {"type": "file", "oid": file.blob_id, "size": len(file.content), "path": path} | lfs


def _sibling(path: str, file: StoredFile, blobs: bool) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": path}
    lfs = {"lfs": {"sha256": file.sha256, "size": len(file.content), "pointerSize": 134}} if file.is_lfs else {}
    return {"rfilename": path, "size": len(file.content), "blobId": file.blob_id} | lfs
