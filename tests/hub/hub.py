"""A hub on loopback that the true client libraries take for one: for tests of fetching, and for whole runs.

    with Hub() as hub:
        hub.add_dataset("user/poems", {"README.md": "…", "data/train-00000-of-00001.parquet": b"…"})
        hub.fault(r"train-00000", Fault(cut_at=1000), Fault(status=429, headers={"Retry-After": "1"}))
        subprocess.run(command, env=os.environ | hub.environment(home))

Files that git does not hold are redirected to a second server, the "CDN", as the real one does.
"""

import re
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

from hub.exchange import Fault, Request
from hub.pages import CdnHandler, HubHandler
from hub.repositories import Content, Repository, files_below


class Hub:
    """Repositories behind two servers; serves between ``__enter__`` and ``__exit__``.

    Attributes:
        tokens: Known tokens; those of ``granted`` may read gated repositories, those of ``writers`` may upload.
        sent: Bytes that were sent beside git, by their SHA-256.
        requests: All that was asked, in order.
        page_size: Entries of a tree that one answer lists.
    """

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.granted: set[str] = set()
        self.writers: set[str] = set()
        self.sent: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.page_size = 1000
        self.plain_files: dict[str, bytes] = {}
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._faults: list[tuple[re.Pattern[str], list[Fault]]] = []
        self._lock = threading.Lock()
        self._servers: dict[str, ThreadingHTTPServer] = {}

    def __enter__(self) -> "Hub":
        for name, handler in (("hub", HubHandler), ("cdn", CdnHandler)):
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            server.daemon_threads = True
            server.hub = self  # what a handler knows its hub by
            self._servers[name] = server
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def endpoint(self) -> str:
        return self._address("hub")

    @property
    def cdn(self) -> str:
        return self._address("cdn")

    def environment(self, home: Path, token: str | None = None) -> dict[str, str]:
        """Return the variables that send client libraries here, with a cache of their own."""
        found = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
        found |= {"MODELSCOPE_ENDPOINT": self.endpoint, "HF_HUB_DISABLE_TELEMETRY": "1"}
        return found | ({"HF_TOKEN": token, "MODELSCOPE_API_TOKEN": token} if token else {})

    def add_dataset(self, name: str, files: dict[str, Content] | Path, ref: str = "main", gated: bool = False) -> str:
        """Put a commit on a branch of a data set, which is made if there is none, and return the commit's hash."""
        return self._add("datasets", name, files, ref, gated)

    def add_model(self, name: str, files: dict[str, Content] | Path, ref: str = "main", gated: bool = False) -> str:
        """The same for a model; files as a folder that ``save_pretrained`` has written, for example."""
        return self._add("models", name, files, ref, gated)

    def fault(self, path: str, *faults: Fault) -> None:
        """Let the next requests whose path contains this pattern go wrong, one after the other."""
        self._faults.append((re.compile(path), list(faults)))

    def next_fault(self, path: str) -> Fault | None:
        """Take the fault that is due for a request."""
        with self._lock:
            for pattern, faults in self._faults:
                if faults and pattern.search(path):
                    return faults.pop(0)
        return None

    def find(self, kind: str, name: str) -> Repository | None:
        return self._repositories.get((kind, name))

    def asked(self, path: str, server: str | None = None) -> list[Request]:
        """Return the requests whose path contains this pattern."""
        return [
            request for request in self.requests if re.search(path, request.path) and server in (None, request.server)
        ]

    def _add(self, kind: str, name: str, files: dict[str, Content] | Path, ref: str, gated: bool) -> str:
        repository = self._repositories.setdefault((kind, name), Repository(kind, name))
        repository.gated = gated
        return repository.commit(files_below(files) if isinstance(files, Path) else files, ref)

    def _address(self, name: str) -> str:
        return f"http://127.0.0.1:{self._servers[name].server_address[1]}"
