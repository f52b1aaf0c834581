"""An object store on loopback that lives as long as its block: SeaweedFS, from a package."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OWNER, READER, LISTER = ("owner", "secret-of-owner"), ("reader", "secret-of-reader"), ("lister", "secret-of-lister")
STRANGER = ("stranger", "secret")
OPEN, CLOSED = "open-bucket", "closed-bucket"
_SECONDS = 60  # within which the store must answer


def weed() -> str | None:
    """Return the server's program, if its package is installed."""
    return shutil.which("weed", path=Path(sys.executable).parent)


@dataclass(frozen=True)
class Store:
    """Its address, and ways to fill it.

    The owner may do all, the reader may read one bucket, the lister sees only names in it, the stranger is unknown.
    """

    endpoint: str

    def variables(self, user: tuple[str, str] = OWNER, **more: str) -> dict[str, str]:
        """Return what a person sets."""
        key, secret = user
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret} | more

    @property
    def client(self) -> Any:
        import boto3  # comes with the storage plugin

        key, secret = OWNER
        named = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        return boto3.client("s3", endpoint_url=self.endpoint, **named)

    def put(self, key: str, content: bytes, bucket: str = OPEN) -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def remove(self, key: str, bucket: str = OPEN) -> None:
        self.client.delete_object(Bucket=bucket, Key=key)

    def contents(self, prefix: str, bucket: str = OPEN) -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {entry["Key"]: self.client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in found}


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Store]:
    folder.mkdir(parents=True)
    users = [
        {"name": OWNER[0], "credentials": [_credentials(OWNER)], "actions": ["Admin", "Read", "Write", "List"]},
        {"name": READER[0], "credentials": [_credentials(READER)], "actions": [f"Read:{OPEN}", f"List:{OPEN}"]},
        {"name": LISTER[0], "credentials": [_credentials(LISTER)], "actions": [f"List:{OPEN}"]},
    ]
    (folder / "users.json").write_text(json.dumps({"identities": users}), encoding="utf-8")
    ports = _free_ports(8)
    named = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    command = [weed(), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"]
    command += [f"-{name}={port}" for name, port in zip((*named, "s3.port", "s3.port.grpc"), ports, strict=True)]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 'users.json'}"]
    command += ["-s3.autoCreateBucket=false", "-master.telemetry=false"]  # it calls nobody
    command += ["-master.volumeSizeLimitMB=64", "-volume.max=40"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env={"HOME": str(folder)}, stdout=log, stderr=log) as server,
    ):
        try:
            store = Store(f"http://127.0.0.1:{ports[6]}")
            _fill(store, folder / "log", server)
            yield store
        finally:
            server.kill()


def _fill(store: Store, log: Path, server: subprocess.Popen) -> None:
    """Wait until the store answers, and make its buckets."""
    until = time.monotonic() + _SECONDS
    while True:
        try:
            for bucket in (OPEN, CLOSED):
                store.client.create_bucket(Bucket=bucket)
            store.put("ready", b"")
            return store.remove("ready")
        except Exception:  # noqa: BLE001 (whatever it answers until it is up)
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text()[-3000:]) from None
            time.sleep(0.3)


def _credentials(user: tuple[str, str]) -> dict[str, str]:
    return {"accessKey": user[0], "secretKey": user[1]}


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
