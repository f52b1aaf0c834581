"""An object store as boto3 speaks to it, and what its refusals mean.

Boto3 comes with Snakemake's storage plugin, and finds credentials, region and endpoint (``AWS_*``, ``~/.aws``) for the
plugin as for this module, so that both ask the same store.
"""

import functools
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workflow_scripts.lib.errors import UserError

logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found credentials

_INSTALL = "python -m pip install -r envs/requirements-storage.txt"
_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 60}  # seconds
_TRIES = {"max_attempts": 3, "mode": "standard"}  # with growing pauses, of what another try may mend
_QUERY = re.compile(r"\?[^\s\"']*")


def region() -> str:
    """Return the user's region; boto3 1.44 does not read AWS_REGION."""
    return _boto3("s3://").Session().region_name or os.environ.get("AWS_REGION") or "us-east-1"


@functools.cache
def client() -> Any:
    """Return a client of the store that the environment names.

    Raises:
        UserError: If the storage plugin is not installed.
    """
    boto3 = _boto3("s3://")
    config = boto3.session.Config(retries=_TRIES, **_TIMEOUTS)
    return boto3.Session().client("s3", region_name=region(), config=config)


def listed(bucket: str, prefix: str) -> list[dict[str, Any]]:
    """Return ``{"Key", "Size", "ETag", …}`` of each object whose key begins so."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [entry for page in pages for entry in page.get("Contents", [])]


def described(bucket: str, key: str) -> dict[str, Any]:
    """Return what the store notes beside an object."""
    return client().head_object(Bucket=bucket, Key=key)


def secrets() -> list[str]:
    """Return what of the user's credentials nobody else may read."""
    found = _boto3("s3://").Session().get_credentials()
    return [text for text in (found.secret_key, found.token) if text] if found else []


@contextmanager
def explained(address: str, otherwise: str = "") -> Iterator[None]:
    """Put failures of a store into words.

    Args:
        address: What is asked for, ``s3://…``.
        otherwise: What a user can do without the store.

    Raises:
        UserError: In place of what boto3 raises.
    """
    boto3 = _boto3(address)
    from botocore import exceptions

    unknown = (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound)
    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(address, error, otherwise) from None
    except boto3.exceptions.S3UploadFailedError as error:
        if isinstance(error.__context__, exceptions.ClientError):
            raise _refused(address, error.__context__, otherwise) from None
        raise _broken(address, error, otherwise) from None
    except unknown as error:
        raise UserError(
            f"no credentials for {address} ({error})",
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE",
            f"set them, or write ~/.aws/credentials{otherwise}",
        ) from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise _broken(address, error, otherwise) from None


def _refused(address: str, error: Any, otherwise: str) -> UserError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = code if code == str(status) else f"{code}, {status}"
    if code in ("NoSuchBucket", "InvalidBucketName"):
        bucket = address.removeprefix("s3://").partition("/")[0]
        change = "check its name, AWS_ENDPOINT_URL and AWS_REGION"
        return UserError(f"there is no bucket {bucket!r} ({said})", address, change)
    if status in (401, 403):
        return UserError(
            f"the store refuses {address} ({said})",
            address,
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and that this key may list the bucket "
            f"and read (to push: write) its objects{otherwise}",
        )
    change = f"check AWS_ENDPOINT_URL and AWS_REGION{otherwise}"
    return UserError(f"the store answers {said} to {address}", address, change)


def _broken(address: str, error: Exception, otherwise: str) -> UserError:
    said = _QUERY.sub("", str(error))  # which can hold a signature
    change = f"check AWS_ENDPOINT_URL and your network{otherwise}"
    return UserError(f"the store of {address} cannot be reached ({said})", address, change)


def _boto3(address: str) -> Any:
    try:
        import boto3.exceptions
        import snakemake_storage_plugin_s3  # noqa: F401 (switches off checksums that many stores do not know)
    except ModuleNotFoundError as error:
        what = f"object stores need Snakemake's storage plugin for S3 (no module {error.name})"
        raise UserError(what, address, _INSTALL) from None
    return boto3
