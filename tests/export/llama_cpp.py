"""A real llama.cpp, on loopback."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import xllamacpp


class LlamaCpp:
    """What its server answers."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def ids(self, messages: list[dict]) -> list[int]:
        """Return what the model reads of a dialogue."""
        text = self.ask("/apply-template", {"messages": messages})["prompt"]
        return self.ask("/tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]

    def goes_on(self, ids: list[int], number: int) -> list[int]:
        """Return the likeliest tokens after a prompt."""
        asked = {"prompt": ids, "n_predict": number, "temperature": 0, "return_tokens": True, "cache_prompt": False}
        return self.ask("/completion", asked | {"ignore_eos": False})["tokens"]


@contextmanager
def serving(file: Path) -> Iterator[LlamaCpp]:
    settings = xllamacpp.CommonParams()
    settings.model.path = str(file)
    settings.n_ctx, settings.n_parallel, settings.n_gpu_layers = 512, 1, 0
    settings.warmup, settings.use_jinja, settings.fit_params = False, True, False
    settings.cpuparams.n_threads = 1
    server = xllamacpp.Server(settings)
    try:
        yield LlamaCpp(server.listening_address)
    finally:
        del server
