"""GGUF files of every family, read back by transformers and by a real llama.cpp."""

from pathlib import Path

import llama_cpp
import pytest
import shapes
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from workflow_scripts.lib.chat_template import encode_prompt
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.export.gguf_file import write_gguf
from workflow_scripts.lib.export.gguf_parity import logits_of, parity
from workflow_scripts.lib.model_loading import load_tokenizer

DIALOGUE = [
    {"role": "system", "content": "惜字如金"},
    {"role": "user", "content": "续写：床前明月光，I'm 12345  ok?\n\n\t🌕"},
    {"role": "assistant", "content": "疑是地上霜。"},
    {"role": "user", "content": "再来一首 two  spaces"},
]
SAID = [*DIALOGUE, {"role": "assistant", "content": "低頭思故鄉。"}]


@pytest.fixture(scope="module", params=shapes.CONFIGS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return shapes.build(request.param, tmp_path_factory.mktemp(request.param))


def test_llama_cpp_reads_the_same_tokens_and_says_the_same(model: Path, tmp_path: Path) -> None:
    write_gguf(model, "f16", tmp_path / "model.gguf")
    ids = encode_prompt(load_tokenizer(model), DIALOGUE)
    loaded = AutoModelForCausalLM.from_pretrained(model)
    wanted = loaded.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=5)[0, len(ids) :].tolist()
    with llama_cpp.serving(tmp_path / "model.gguf") as server:
        assert server.ids(DIALOGUE) == ids
        found = server.goes_on(ids, 5)
    end = loaded.config.eos_token_id
    assert [token for token in found if token != end] == [token for token in wanted if token != end]


def test_the_file_holds_the_weights_and_fewer_bits_cost_more(model: Path, tmp_path: Path) -> None:
    whole = logits_of(model, [SAID])
    differences = {}
    for kind in ("f16", "q8_0", "q4_0"):
        write_gguf(model, kind, tmp_path / f"{kind}.gguf")
        differences[kind] = parity(whole, logits_of(model, [SAID], tmp_path / f"{kind}.gguf"))["mean"]
    assert 0 < differences["f16"] < 0.02
    assert differences["f16"] < differences["q8_0"] < differences["q4_0"]


@pytest.mark.parametrize("name", ["llama", "qwen2"])
def test_transformers_reads_it_back(name: str, tmp_path: Path) -> None:
    model = shapes.build(name, tmp_path / "model")
    write_gguf(model, "f16", tmp_path / "model.gguf")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")
    ids = encode_prompt(tokenizer, DIALOGUE)
    assert ids == encode_prompt(load_tokenizer(model), DIALOGUE)
    own = AutoModelForCausalLM.from_pretrained(model)
    with torch.no_grad():
        difference = (loaded(torch.tensor([ids])).logits - own(torch.tensor([ids])).logits).abs()
    assert float(difference.mean()) < 0.02


def test_other_models_are_refused(tmp_path: Path) -> None:
    shapes.build("qwen2", tmp_path)
    settings = (tmp_path / "tokenizer.json").read_text(encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text(settings.replace("[^\\\\r\\\\n", "[^\\\\r"), encoding="utf-8")
    with pytest.raises(UserError, match="cut texts in another way than this tokenizer \\(Split, ByteLevel\\)"):
        write_gguf(tmp_path, "f16", tmp_path / "model.gguf")
    config = (tmp_path / "config.json").read_text().replace('"qwen2"', '"bloom"')
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UserError, match="models of type 'bloom' are not converted"):
        write_gguf(tmp_path, "f16", tmp_path / "model.gguf")
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == shapes.CHATML
