"""The page in a real browser: scoring by keyboard, going on another day, bad luck, and hostile replies."""

from pathlib import Path

import panels
import pytest
from browsing import DESKTOP, PHONE, close, needs_chromium, opened
from playwright.sync_api import Browser, Page, expect

from workflow_scripts.lib.apps import lasting_lines
from workflow_scripts.lib.apps.blind_panel import blind
from workflow_scripts.lib.apps.scoring_server import ScoringServer
from workflow_scripts.lib.evaluation.panel_scores import PanelScore, read_scores

HOSTILE = [
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">",
    "\u202eאבג reversed\u202e\u2066 rest",
    "長" * 1_000_000,
    "w" * 1_000_000,
    "```json\n{\"a\": '</textarea></script>'}\n```",
    " \n",
]

pytestmark = needs_chromium


def begin(page: Page, rater: str) -> None:
    page.locator("#name").fill(rater)
    page.keyboard.press("Enter")
    expect(page.locator("#work")).to_be_visible()


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_be_visible()


def test_everything_is_scored_by_keyboard(browser: Browser, server: ScoringServer, scores: Path) -> None:
    page = opened(browser, server.url)
    begin(page, "甲")
    order = server.panel_for("甲")["prompts"]
    expect(page.locator("#count")).to_have_text("0 / 5")
    for number, prompt in enumerate(order):
        expect(page.locator("#prompt p")).to_have_text(prompt["messages"][0]["content"])
        expect(page.locator(".said")).to_have_text([reply["text"] for reply in prompt["replies"]])
        for _ in prompt["replies"]:
            press(page, f"5 {number} 3 {number}")
        press(page, "Enter")
    expect(page.locator("#finished")).to_be_visible()
    expect(page.locator("#count")).to_have_text("5 / 5")
    expect(page.locator("#prompts .done")).to_have_count(3)
    saved(page)
    found = read_scores(scores)
    for number, prompt in enumerate(order):
        for reply in prompt["replies"]:
            score = found[reply["id"]]["甲"]
            assert score.scores == {"following": 5, "content": number, "language": 3}
            assert score.failure == ("none", "off_topic", "factual_error")[number]
    close(page)


def test_rows_prompts_and_comments_by_keyboard(browser: Browser, server: ScoringServer, scores: Path) -> None:
    page = opened(browser, server.url)
    begin(page, "甲")
    first = server.panel_for("甲")["prompts"][0]["replies"][0]["id"]
    press(page, "ArrowDown ArrowDown 2 ArrowUp 4 ArrowLeft")
    expect(page.locator("#prompts button").nth(0)).to_have_attribute("aria-current", "true")
    press(page, "c")
    page.keyboard.type("5 分？c")
    press(page, "Escape 9 7 3")
    expect(page.locator("#unsaved")).to_be_hidden()
    saved(page)
    score = read_scores(scores)[first]["甲"]
    assert score.scores == {"following": 3, "language": 4}
    assert score.comment == "5 分？c"
    press(page, "ArrowRight ArrowRight ArrowRight")
    expect(page.locator("#prompts button").nth(2)).to_have_attribute("aria-current", "true")
    expect(page.locator("#next")).to_be_disabled()
    press(page, "Control+1 Enter")
    expect(page.locator("#prompts button").nth(0)).to_have_attribute("aria-current", "true")
    close(page)


def test_another_day_it_goes_on_where_it_stopped(browser: Browser, server: ScoringServer, scores: Path) -> None:
    order = server.panel_for("甲")["prompts"]
    for reply in order[0]["replies"]:
        given = {"following": 1, "content": 2, "language": 3}
        lasting_lines.append(
            scores, PanelScore(reply_id=reply["id"], rater="甲", scores=given, failure="other", comment="<i>嗯</i>")
        )
    page = opened(browser, server.url)
    begin(page, "甲")
    expect(page.locator("#prompts button").nth(1)).to_have_attribute("aria-current", "true")
    press(page, "ArrowLeft")
    expect(page.locator(".reply").nth(0).locator("input:checked")).to_have_count(4)
    expect(page.locator("textarea").nth(0)).to_have_value("<i>嗯</i>")
    page.locator("#rater").click()
    begin(page, "乙")
    expect(page.locator("#count")).to_have_text("0 / 5")
    close(page)


def test_mouse_and_languages(browser: Browser, server: ScoringServer, scores: Path) -> None:
    page = opened(browser, server.url, locale="en-GB")
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    begin(page, "甲")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_text("遵循指令").first).to_be_visible()
    expect(page.get_by_text("Instruction kept").first).to_be_hidden()
    page.locator("[data-criterion=content]").nth(1).get_by_label("4").check()
    page.locator("[data-criterion=failure]").nth(1).get_by_label("跑题").check()
    page.locator("textarea").nth(1).fill("好")
    page.locator("#next").click()
    saved(page)
    reply = server.panel_for("甲")["prompts"][0]["replies"][1]["id"]
    score = read_scores(scores)[reply]["甲"]
    assert (score.scores, score.failure, score.comment) == ({"content": 4}, "off_topic", "好")
    close(page)


def test_a_full_disk_is_shown_and_tried_again(
    browser: Browser, server: ScoringServer, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(browser, server.url)
    begin(page, "甲")

    def full(path: Path, score: PanelScore) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(lasting_lines, "append", full)
        press(page, "1 2 3")
        expect(page.locator("#unsaved")).to_be_visible()
    expect(page.locator("#unsaved")).to_be_hidden()
    ((score,),) = [found.values() for found in read_scores(scores).values()]
    assert score.scores == {"following": 1, "content": 2, "language": 3}
    page.context.close()


def test_a_server_that_dies_costs_no_score(browser: Browser, tmp_path: Path, scores: Path) -> None:
    folder = panels.write(tmp_path / "eval")
    with panels.serving(folder, scores) as server:
        port = server.server_port
        page = opened(browser, server.url)
        begin(page, "甲")
        press(page, "5")
        saved(page)
    press(page, "4 3 c")
    page.keyboard.type("還在")
    expect(page.locator("#unsaved")).to_be_visible()
    with panels.serving(folder, scores, port):
        expect(page.locator("#restarted")).to_be_visible()
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        expect(page.locator("#name")).to_have_value("甲")
        begin(page, "甲")
        saved(page)
    ((score,),) = [found.values() for found in read_scores(scores).values()]
    assert score.scores == {"following": 5, "content": 4, "language": 3}
    assert score.comment == "還在"
    page.context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_a_model_wrote_is_text_and_breaks_nothing(
    browser: Browser, tmp_path: Path, scores: Path, size: dict[str, int]
) -> None:
    folder = panels.write(tmp_path / "eval", {"base": HOSTILE, "<sft>": ["好"] * len(HOSTILE)})
    with panels.serving(folder, scores) as server:
        page = opened(browser, server.url, size)
        begin(page, '"><script>document.title="taken"</script>'[:40])
        seen = set()
        for _ in HOSTILE:
            seen |= set(page.locator(".said").all_text_contents())
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            box = page.locator("#next").bounding_box()
            assert 0 <= box["y"] <= size["height"] - box["height"]
            press(page, "5 ArrowRight")
        assert seen >= {text for text in HOSTILE if text.strip()}
        assert page.locator(".said").locator("script, img, b, textarea").count() == 0
        assert page.title() == "推敲 Tuiqiao · 评分 Scoring"
        saved(page)
        assert len(read_scores(scores)) == len(HOSTILE)
        close(page)


def test_the_order_on_the_page_is_that_of_the_rater(browser: Browser, server: ScoringServer) -> None:
    page = opened(browser, server.url)
    begin(page, "乙")
    samples = [
        {"samples": [panels.sample(number, reply) for number, reply in enumerate(said)]}
        for said in panels.REPLIES.values()
    ]
    expect(page.locator(".said")).to_have_text([reply["text"] for reply in blind(samples, "乙")[0]["replies"]])
    expect(page.locator("h3").first).to_have_text("A")
    assert not {"base", "sft"} & set(page.locator("body").inner_text().split())
    close(page)
