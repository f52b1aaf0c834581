"""The page of the stages in a real browser: side by side, several turns, stopping, settings, the panel, bad luck."""

from pathlib import Path
from typing import Any

import pytest
import stage_pages
from browsing import DESKTOP, PHONE, close, needs_chromium, opened
from playwright.sync_api import Browser, Locator, Page, expect

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.apps.stage_server import StageServer
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.generation import Reply

STAGES = stage_pages.STAGES
HOSTILE = {
    "base": "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
    "sft": "\u202eאבג reversed\u202e " + "w" * 20_000,
    "align": "```json\n{\"a\": '</textarea></script>'}\n```" + "長" * 20_000,
}

pytestmark = needs_chromium


class Scripted:
    """Models that say what they are told to say."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def reply(self, stage: str, messages: Any, settings: ChatGeneration, system: Any, seed: Any, say: Any) -> Any:
        for piece in (self.said[stage][:5], "", self.said[stage][5:]):
            say(piece)
        return Reply(self.said[stage], 3, True), 0


def ask(page: Page, prompt: str) -> None:
    page.locator("#prompt").fill(prompt)
    page.keyboard.press("Enter")


def done(page: Page) -> None:
    expect(page.locator("#send")).to_be_visible()


def last(page: Page, what: str = ".said") -> Locator:
    return page.locator(".turn").last.locator(what)


def test_stages_answer_side_by_side_turn_after_turn(browser: Browser, models: StageModels, tmp_path: Path) -> None:
    with stage_pages.serving(models, tmp_path) as server:
        page = opened(browser, server.url)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        expect(page.locator("#prompt")).to_be_focused()
        expect(page.locator(".examples button")).to_have_text(["续写这首诗：石徑通雲屋"])
        expected: dict[str, list[str]] = {stage: [] for stage in STAGES}
        dialogues: dict[str, list[dict[str, str]]] = {stage: [] for stage in STAGES}
        for prompt in ("床前明月光", "再来一首"):
            ask(page, prompt)
            done(page)
            for stage in STAGES:
                dialogues[stage].append({"role": "user", "content": prompt})
                said = models.reply(
                    stage, dialogues[stage], server.config.generation, "惜字如金", 7, lambda piece: None
                )[0].text
                dialogues[stage].append({"role": "assistant", "content": said})
                expected[stage].append(said)
        expect(page.locator(".turn")).to_have_count(2)
        for number in range(2):
            said = page.locator(".turn").nth(number).locator(".said")
            assert said.all_text_contents() == [expected[stage][number] for stage in STAGES]
        expect(last(page, "h3 .stage")).to_have_text(["基座", "微调", "对齐"], use_inner_text=True)
        expect(last(page, ".state").first).to_contain_text("到 12 词元截断", use_inner_text=True)
        last(page, ".copy").nth(1).click()
        expect(last(page, ".copy").nth(1)).to_have_text("已复制", use_inner_text=True)
        assert page.evaluate("navigator.clipboard.readText()") == expected["sft"][1]
        page.locator("#fresh").click()
        expect(page.locator(".turn")).to_have_count(0)
        page.locator(".examples button").click()
        done(page)
        assert last(page).first.text_content() != ""
        close(page)


def test_enter_sends_and_what_a_person_is_still_composing_does_not(
    browser: Browser, models: StageModels, tmp_path: Path
) -> None:
    with stage_pages.serving(models, tmp_path) as server:
        page = opened(browser, server.url)
        page.keyboard.press("Enter")  # nothing is nothing
        page.keyboard.type("一")
        page.keyboard.press("Shift+Enter")
        keyboard = page.context.new_cdp_session(page)
        keyboard.send("Input.imeSetComposition", {"text": "yue", "selectionStart": 3, "selectionEnd": 3})
        enter = {"type": "rawKeyDown", "key": "Enter", "code": "Enter"}
        keyboard.send("Input.dispatchKeyEvent", enter | {"windowsVirtualKeyCode": 13})
        keyboard.send("Input.insertText", {"text": "月"})
        keyboard.send("Input.dispatchKeyEvent", enter | {"windowsVirtualKeyCode": 229})  # as Safari tells it
        expect(page.locator(".turn")).to_have_count(0)
        expect(page.locator("#prompt")).to_have_value("一\n月")
        page.keyboard.press("Enter")
        expect(page.locator(".asked p").first).to_have_text("一\n月")
        expect(page.locator("#prompt")).to_have_value("")
        done(page)
        close(page)


def test_stopping_keeps_what_was_said(browser: Browser, models: StageModels, tmp_path: Path) -> None:
    with stage_pages.serving(models, tmp_path, max_new_tokens=1500, do_sample=True) as server:
        page = opened(browser, server.url, locale="en-GB")
        ask(page, "早")
        for number in range(3):
            expect(last(page).nth(number)).not_to_be_empty()
        page.keyboard.type("next")
        page.keyboard.press("Enter")  # while they answer nothing is sent
        expect(page.locator("#prompt")).to_have_value("next")
        page.locator("#stop").click()
        done(page)
        expect(last(page, ".state")).to_have_text(["stopped"] * 3, use_inner_text=True)
        kept = page.evaluate("dialogues")
        assert {stage: messages[1]["content"] for stage, messages in kept.items()} == dict(
            zip(STAGES, last(page).all_text_contents(), strict=True)
        )
        page.locator("#prompt").press("Enter")
        expect(page.locator(".turn")).to_have_count(2)
        page.keyboard.press("Escape")
        done(page)
        close(page)


def test_settings_begin_as_the_results_have_them(browser: Browser, models: StageModels, tmp_path: Path) -> None:
    with stage_pages.serving(models, tmp_path) as server:
        page = opened(browser, server.url)
        page.locator("#tune").click()
        expect(page.locator("#system_prompt")).to_have_value("惜字如金")
        expect(page.locator("#seed")).to_be_disabled()
        page.locator("[data-setting=do_sample]").check()
        expect(page.locator("#seed")).to_be_enabled()
        page.locator("[data-setting=max_new_tokens]").fill("4")
        page.locator("#system_prompt").fill("")
        ask(page, "早")
        done(page)
        expect(last(page, ".state")).to_contain_text(["到 4 词元截断"] * 3, use_inner_text=True)
        settings = server.config.generation.model_copy(update={"max_new_tokens": 4, "do_sample": True})
        alone = models.reply("align", [{"role": "user", "content": "早"}], settings, None, 7, lambda piece: None)
        assert last(page).nth(2).text_content() == alone[0].text
        page.locator("[data-setting=max_new_tokens]").fill("0")
        page.locator("#tune").click()
        ask(page, "早")
        expect(page.locator("#settings")).to_be_visible()  # it shows what is wrong instead of asking
        expect(page.locator(".turn")).to_have_count(1)
        page.locator("#settings button").click()
        expect(page.locator("[data-setting=max_new_tokens]")).to_have_value("12")
        expect(page.locator("#system_prompt")).to_have_value("惜字如金")
        close(page)


def test_prompts_go_to_the_panel(browser: Browser, tmp_path: Path) -> None:
    with stage_pages.serving(Scripted(dict(zip(STAGES, "甲乙丙", strict=True))), tmp_path) as server:
        page = opened(browser, server.url)
        ask(page, "早")
        add = page.get_by_role("button", name="加入评测集")
        add.click()
        remark = page.locator(".asked .remark")
        expect(remark).to_contain_text(f"已加入 {server.panel.path}，现有 3 题。", use_inner_text=True)
        expect(remark).to_contain_text(f"eval.panel.prompts: {server.panel.path}", use_inner_text=True)
        ask(page, "再来")
        done(page)
        last(page, "[data-stage=sft] .add").click()
        expect(last(page, "[data-stage=sft] .remark")).to_contain_text("现有 4 题", use_inner_text=True)
        page.locator("#fresh").click()
        ask(page, "早")
        add.click()
        expect(remark).to_contain_text("里已有这一题（共 4 题）", use_inner_text=True)
        *_, first, second = jsonl.read_rows(server.panel.path)
        assert first["messages"] == [{"role": "user", "content": "早"}]
        assert [turn["content"] for turn in second["messages"]] == ["早", "乙", "再来"]
        close(page)


def test_what_goes_wrong_is_said(browser: Browser, models: StageModels, tmp_path: Path) -> None:
    with stage_pages.serving(models, tmp_path) as server:
        page = opened(browser, server.url)
        ask(page, "长" * 700)
        done(page)
        expect(last(page, ".remark.fault").first).to_contain_text("the message is too long: 2141 tokens")
        ask(page, "早")  # the stages were never asked it: the dialogue goes on without
        done(page)
        assert [turn["content"][:1] for turn in page.evaluate("dialogues")["base"]][:1] == ["早"]
        port = server.server_port
        with pytest.raises(UserError, match=f"cannot listen on port {port}"):
            StageServer(port, lambda: pytest.fail("loaded in vain"), [], server.config, server.panel)
    ask(page, "早")
    expect(page.locator("#gone")).to_be_visible()
    with stage_pages.serving(models, tmp_path, port):
        ask(page, "早")
        expect(page.locator("#restarted")).to_be_visible()
        expect(page.locator("#gone")).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_a_model_wrote_is_text_and_breaks_nothing(browser: Browser, tmp_path: Path, size: dict[str, int]) -> None:
    with stage_pages.serving(Scripted(HOSTILE), tmp_path) as server:
        page = opened(browser, server.url, size)
        for _ in range(2):
            ask(page, HOSTILE["base"])
            done(page)
        assert last(page).all_text_contents() == list(HOSTILE.values())
        assert page.locator("#dialogue").locator("script, img").count() == 0
        assert page.title() == "推敲 Tuiqiao · 并排对话 Side by side"
        page.locator("#tune").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        box = page.locator("#send").bounding_box()
        assert 0 <= box["y"] <= size["height"] - box["height"]
        close(page)


def test_languages(browser: Browser, tmp_path: Path) -> None:
    with stage_pages.serving(Scripted(dict.fromkeys(STAGES, "")), tmp_path) as server:
        page = opened(browser, server.url, locale="en-GB")
        expect(page.get_by_placeholder("Your prompt")).to_be_visible()
        ask(page, "早")
        expect(last(page)).to_have_text(["(empty)"] * 3, use_inner_text=True)
        page.get_by_role("button", name="中文").click()
        expect(last(page)).to_have_text(["（空）"] * 3, use_inner_text=True)
        expect(page.get_by_placeholder("输入提问")).to_be_visible()
        assert page.evaluate("dialogues")["base"][1] == {"role": "assistant", "content": ""}
        close(page)
