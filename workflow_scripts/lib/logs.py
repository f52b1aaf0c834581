"""One log format for all jobs: time and message, on standard error; errors a user can mend without a traceback."""

import logging
import sys
import warnings
from types import TracebackType

from workflow_scripts.lib.errors import UserError


def start() -> None:
    """Send this process's log lines to standard error."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("httpx", "datasets", "absl", "filelock", "urllib3", "bitsandbytes"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # transformers 5.23 warns of names that it, TRL and PEFT themselves still use
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    sys.excepthook = _report


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, UserError):
        sys.stderr.write(f"\nerror: {error}\n")
    else:
        sys.__excepthook__(kind, error, trace)
