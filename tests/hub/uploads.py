"""What the hub answers to those who write: a repository is made, files go beside git or into it, one commit."""

import base64
import hashlib
import json
import re
from typing import Any

from hub.repositories import _LFS_SUFFIXES

_PREUPLOAD = re.compile(r"/api/models/([^/]+/[^/]+)/preupload/main")
_COMMIT = re.compile(r"/api/models/([^/]+/[^/]+)/commit/main")
_BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
_OBJECT = re.compile(r"/lfs/([0-9a-f]{64})")


def answer(handler: Any, path: str) -> bool:
    """Answer a request if it is one of these, and return whether it was."""
    if handler.command == "PUT" and (match := _OBJECT.fullmatch(path)):
        if hashlib.sha256(handler._posted).hexdigest() == match[1]:
            handler.hub.sent[match[1]] = handler._posted
            handler._send(200, b"", {})
        else:
            handler._refuse(400, "", "other bytes than announced")
        return True
    if handler.command != "POST":
        return False
    calls = {_PREUPLOAD: _preupload, _COMMIT: _commit, _BATCH: _batch}
    found = next(((call, match[1]) for pattern, call in calls.items() if (match := pattern.fullmatch(path))), None)
    if path == "/api/repos/create":
        found = (_create, "")
    if path == "/api/validate-yaml":
        handler._json({"errors": [], "warnings": []})
        return True
    if found is None:
        return False
    if handler._token() not in handler.hub.writers:
        handler._refuse(403 if handler._token() else 401, "", "You have no right to write here")
        return True
    call, name = found
    call(handler, name)
    return True


def _create(handler: Any, _: str) -> None:
    asked = json.loads(handler._posted)
    name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else f"user/{asked['name']}"
    if handler.hub.find("models", name):
        handler._json({"url": f"{handler.hub.endpoint}/{name}", "error": "You already created it"}, status=409)
        return
    handler.hub.add_model(name, {".gitattributes": ""})
    handler.hub.find("models", name).private = asked.get("private", False) or asked.get("visibility") == "private"
    handler._json({"url": f"{handler.hub.endpoint}/{name}", "name": name, "id": "0"})


def _preupload(handler: Any, _: str) -> None:
    files = json.loads(handler._posted)["files"]
    modes = [
        {
            "path": file["path"],
            "uploadMode": "lfs" if file["path"].endswith(_LFS_SUFFIXES) else "regular",
            "shouldIgnore": False,
            "oid": None,
        }
        for file in files
    ]
    handler._json({"files": modes})


def _batch(handler: Any, _: str) -> None:
    objects = [
        {
            "oid": each["oid"],
            "size": each["size"],
            "actions": {"upload": {"href": f"{handler.hub.endpoint}/lfs/{each['oid']}"}},
        }
        for each in json.loads(handler._posted)["objects"]
    ]
    handler._json({"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})


def _commit(handler: Any, name: str) -> None:
    files: dict[str, bytes] = {}
    for line in handler._posted.splitlines():
        entry = json.loads(line)
        value = entry["value"]
        if entry["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif entry["key"] == "lfsFile":
            files[value["path"]] = handler.hub.sent[value["oid"]]
    sha = handler.hub.add_model(name, files)
    url = f"{handler.hub.endpoint}/{name}/commit/{sha}"
    handler._json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})
