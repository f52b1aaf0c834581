"""Running the acquire script as its rule does, and what became of it."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hub.hub import Hub

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "hf_a_token_that_nobody_may_see"
OTHER_TOKEN = "hf_a_token_without_access"


@dataclass
class Fetch:
    """What became of a fetch: exit status, all that was printed, and the folder."""

    status: int
    output: str
    folder: Path

    @property
    def receipt(self) -> dict:
        assert self.status == 0, self.output
        return json.loads((self.folder / "receipt.json").read_text(encoding="utf-8"))

    @property
    def files(self) -> dict[str, bytes]:
        """The fetched files; each has the size and hash that the receipt gives."""
        found = {entry["path"]: (self.folder / entry["path"]).read_bytes() for entry in self.receipt["files"]}
        for entry in self.receipt["files"]:
            content = found[entry["path"]]
            assert (entry["bytes"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        return found

    def refusal(self, *parts: str) -> None:
        """Check that the script stopped with an error that has these parts, and left no receipt."""
        assert self.status == 1 and "\nerror: " in self.output, self.output
        assert "Traceback" not in self.output
        for part in parts:
            assert part in self.output
        assert not (self.folder / "receipt.json").exists()


class Fetcher:
    """Runs the acquire script as the rule does: huggingface_hub reads HF_ENDPOINT when it is imported."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder = hub, folder

    def command(self, uri: str, revision: str | None, key: str) -> list[str]:
        config = json.dumps({"uri": uri, "revision": revision})
        receipt = str(self.folder / key / "receipt.json")
        return [sys.executable, "-m", "workflow_scripts.acquire", "--config", config, "--receipt", receipt]

    def environment(self, token: str | None = None, **variables: str) -> dict[str, str]:
        unwanted = ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HTTP_PROXY", "http_proxy")
        own = {name: value for name, value in os.environ.items() if name not in unwanted}
        return own | self.hub.environment(self.folder / "home", token) | variables

    def __call__(
        self, uri: str, revision: str | None = None, key: str = "key", token: str | None = None, **variables: str
    ) -> Fetch:
        done = subprocess.run(
            self.command(uri, revision, key),
            cwd=REPOSITORY,
            env=self.environment(token, **variables),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        output = done.stdout + done.stderr
        for secret in (TOKEN, OTHER_TOKEN, "secret-of-the-cdn"):
            assert secret not in output
            for path in (self.folder / key).rglob("*.json"):
                assert secret not in path.read_text(encoding="utf-8")
        return Fetch(done.returncode, output, self.folder / key)
