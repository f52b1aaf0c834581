"""The merged model in others' hands: served by `transformers serve` to OpenAI's client, trained on by TRL."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import families
import openai
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer

from workflow_scripts.lib.chat_template import encode_dialogue, encode_prompt
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.generation import generate
from workflow_scripts.lib.model_loading import load_tokenizer

GREEDY = Generation(do_sample=False, temperature=1.0, top_p=1.0, repetition_penalty=1.0, no_repeat_ngram_size=0)
PROMPT = families.DIALOGUE[:-1]

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return families.build("chatml", tmp_path_factory.mktemp("going_on")).merged


@pytest.fixture
def served(merged: Path) -> Iterator[openai.OpenAI]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = str(Path(sys.executable).with_name("transformers"))
    command = [program, "serve", merged.name, "--host", "127.0.0.1", "--port", port]
    offline = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=merged.parent, env=os.environ | offline, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
    try:
        for _ in range(240):
            with socket.socket() as probe:
                if process.poll() is not None or probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.5)
        yield client
    finally:
        process.terminate()
        process.wait()


def test_transformers_serve_says_what_evaluation_reads(merged: Path, served: openai.OpenAI) -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(merged), load_tokenizer(merged)
    expected = generate(model, tokenizer, [PROMPT], GREEDY, 8)[0]
    asked = {"model": merged.name, "messages": PROMPT, "max_tokens": 8, "temperature": 0}
    answer = served.chat.completions.create(**asked)
    assert answer.choices[0].message.content == expected.text
    assert answer.usage.prompt_tokens == len(encode_prompt(tokenizer, PROMPT))
    pieces = [chunk.choices[0].delta.content for chunk in served.chat.completions.create(**asked, stream=True)]
    assert "".join(piece or "" for piece in pieces) == expected.text


def test_plain_trl_goes_on_training(merged: Path, tmp_path: Path) -> None:
    trainer = SFTTrainer(
        model=str(merged),
        args=SFTConfig(
            output_dir=str(tmp_path),
            max_steps=1,
            per_device_train_batch_size=1,
            learning_rate=1e-2,
            report_to=[],
            use_cpu=True,
            bf16=False,
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list([{"messages": families.DIALOGUE}]),
    )
    learned = encode_dialogue(load_tokenizer(merged), families.DIALOGUE)
    assert trainer.train_dataset[0]["input_ids"] == learned.input_ids
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    assert 0 < trainer.state.log_history[-1]["train_loss"] < 100
    assert sum(not torch.equal(before[name], weight) for name, weight in trainer.model.named_parameters()) > 20
