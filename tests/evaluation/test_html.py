"""The page shows the report, in two languages, and takes nothing a model wrote for markup."""

import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_samples
from apps.browsing import CHROMIUM, close, needs_chromium, opened
from playwright.sync_api import expect, sync_playwright
from test_report import build, write

from workflow_scripts.lib.reporting import csv_tables, html_charts, html_page, report_words
from workflow_scripts.lib.reporting.html_charts import Series
from workflow_scripts.lib.reporting.report_schema import Judgement

STEP, LOSS = {"zh": "步", "en": "step"}, {"zh": "损失", "en": "loss"}
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}"
VOID = {"meta", "input", "br", "img", "link"}


class Reader(HTMLParser):
    """Collect tags, attributes and text, and check that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_what_a_model_wrote_is_text(tmp_path: Path) -> None:
    results = report_samples.evaluations(ATTACK)
    results["form"]["align"] = report_samples.form([False] * 8, reply=ATTACK)
    reader = read(html_page.page(build(results)))
    assert {tag for tag, _ in reader.tags} & {"img", "iframe", "link"} == set()
    assert [tag for tag, _ in reader.tags].count("script") == 1  # the page's own
    assert reader.text.count(ATTACK) == 3 + 6  # three replies of the panel, six failures
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)


def test_nothing_is_loaded() -> None:
    reader = read(html_page.page(build()))
    assert not any({"src", "style"} & set(attributes) for _, attributes in reader.tags)
    links = [attributes for _, attributes in reader.tags if "href" in attributes]
    assert len(links) > 8
    assert all(link["href"].startswith("data:text/csv;") and link["download"].endswith(".csv") for link in links)
    assert "url(" not in html_page.HERE.with_suffix(".css").read_text()


def test_texts_that_turn_around_or_never_end_stay_in_their_place() -> None:
    turned, endless = "\u202e\u2067好事\x00\u200b", "長" * 1_000_000
    results = report_samples.evaluations(turned)
    results["form"]["align"] = report_samples.form([False] * 8, reply=endless)
    page = html_page.page(build(results))
    assert len(page) < 400_000
    assert page.count("（另有 996,000 字，见 report.json）") == 6
    reader = read(page)
    assert reader.text.count(turned) == 3
    said = [attributes for _, attributes in reader.tags if attributes.get("class") == "said"]
    assert len(said) > 9 and all(attributes.get("dir") == "auto" for attributes in said)
    assert ".said,.prompt>header,bdi{unicode-bidi:isolate}" in page


def csv_of(page: str) -> dict[str, list[list[str]]]:
    links = [attributes for tag, attributes in read(page).tags if tag == "a"]
    tables = {}
    for link in links:
        content = base64.b64decode(link["href"].partition("base64,")[2]).decode("utf-8-sig")
        tables[link["download"]] = list(csv.reader(io.StringIO(content)))
    return tables


def test_every_table_can_be_taken_along() -> None:
    tables = csv_of(html_page.page(build()))
    assert set(tables) == {
        *("figures.csv", "changes.csv", "gates.csv", "training_sft.csv", "training_align.csv", "funnel.csv"),
        *("uses.csv", "lengths.csv", "languages.csv", "perplexity.csv", "preference.csv"),
        *("form.csv", "form_faults.csv", "panel.csv", "panel_failures.csv"),
    }
    assert tables["figures.csv"][0] == ["figure", "unit", "lower_is_better", "stage", "value", "stderr", "n"]
    assert ["form", "share", "False", "sft", "0.75", "0.163663", "8"] in tables["figures.csv"]
    change = next(row for row in tables["changes.csv"] if row[:3] == ["form", "base", "sft"])
    assert (change[5], change[9], change[-1]) == ("0.75", "0.0312", "better")  # of the page as in report.json
    assert ["validation", "8", "3.1", ""] in tables["training_sft.csv"]
    assert ["poems", "standardize", "form", "15"] in tables["funnel.csv"]
    assert ["poems", "tokens", "40.0", "50.0", "45"] in tables["lengths.csv"]
    assert ["source", "poems", "base", "7.5", "1.25", "4", "10"] in tables["perplexity.csv"]
    assert ["contrast_same_form", "align", "0.0625", "0.25", "16"] in tables["preference.csv"]
    assert ["sft", "line length", "2"] in tables["form_faults.csv"]
    assert tables["languages.csv"] == [
        ["source", "name", "value"],
        *(row.split() for row in ("poems zh 60", "talk zh 30", "talk en 10")),
    ]
    assert csv_tables.text([["=1+1", -1, "a,b"]]) == '\'=1+1,-1,"a,b"\n'


def test_legal_judgements_can_be_taken_along() -> None:
    folder = {"label": "TU", "original": {"base": {"judgement": 0.5, "rows": 4}}}
    judged = Judgement(scoring="charge", faults={"base": {"wrong_term": 2}}, folders={"TU_1": folder})
    tables = csv_of(html_page.page(build().model_copy(update={"judgement": judged})))
    assert tables["judgement.csv"] == [
        ["change", "label", "law", "stage", "judgement", "rows"],
        ["TU_1", "TU", "original", "base", "0.5", "4"],
    ]
    assert tables["judgement_faults.csv"][1:] == [["base", "wrong_term", "2"]]


def test_policy_allows_this_style_and_script_and_nothing_else() -> None:
    page = html_page.page(build())
    style, script = (
        base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        for tag in ("style", "script")
        for found in re.findall(f"<{tag}>(.*)</{tag}>", page, re.DOTALL)
    )
    policy = next(attributes["content"] for tag, attributes in read(page).tags if "http-equiv" in attributes)
    parts = ["default-src 'none'", f"style-src 'sha256-{style}'", f"script-src 'sha256-{script}'"]
    assert policy == "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def test_every_text_is_there_in_both_languages() -> None:
    spans = [
        attributes["lang"]
        for tag, attributes in read(html_page.page(build())).tags
        if tag == "span" and "lang" in attributes
    ]
    assert spans.count("zh") == spans.count("en") > 50
    assert spans == ["zh", "en"] * (len(spans) // 2)


@pytest.mark.parametrize(
    "shown",
    [
        "困惑度",
        "55.3",
        "偏好准确率",
        "体裁不符 15",
        "未取用",
        "p = 0.0312",
        "lm-eval run --tasks poem_continuation # sft",
        "山居",
        "夹杂外文或数字",
        "5.8 min",
        "npm://chinese-poetry@2.0.1/*.json",
        "取自测试划分",
        "最可能词元相同",
        "实际训练",
        "有条件发布 · poems：禁止商用",
        "⚠ sft：2 词元很少。",
        "58 (8 × 8，1 轮)",
    ],
)
def test_it_shows(shown: str) -> None:
    text = re.sub(r"(?s)<span lang=\"en\">.*?</span>|<(?!span)[^>]*>|</?span[^>]*>", "", html_page.page(build()))
    assert shown in text


def test_sources_without_a_row_are_not_listed() -> None:
    assert "not-taken.json" not in html_page.page(build())


def test_an_interval_that_the_verdict_goes_against_is_explained() -> None:
    results = {"sft": report_samples.harness([0.0] * 4 + [1.0] * 46, "sft")}
    results["align"] = report_samples.harness([1.0] * 50, "align")
    assert "区间不含 0；McNemar 精确检验 p = 0.125 ≥ 0.05，以检验为准" in html_page.page(build({"harness/t": results}))
    assert "以检验为准" not in html_page.page(build())


def test_figures_from_the_validation_split_are_called_so() -> None:
    assert "数值偏乐观" in html_page.page(build(held_out="val"))
    assert "数值偏乐观" not in html_page.page(build())


def test_without_training_panel_and_form() -> None:
    results = {"perplexity": {"base": report_samples.perplexity([1.0, 2.0])}}
    reader = read(html_page.page(build(results, {}, align={"method": "none", "global_batch_size": 6})))
    assert "生成面板" not in reader.text and "形式：" not in reader.text


def test_the_script_writes_the_page(tmp_path: Path) -> None:
    _, page = write(tmp_path, ATTACK)
    assert page.count("<script>") == 1 and "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@needs_chromium
def test_the_panel_is_searched_and_nothing_else_runs(tmp_path: Path) -> None:
    results = report_samples.evaluations(ATTACK)
    (tmp_path / "report.html").write_text(html_page.page(build(results)), encoding="utf-8")
    prompts = {sample["id"]: sample for sample in results["panel"]["base"]["samples"]}
    wanted = next(iter(prompts.values()))["messages"][-1]["content"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = opened(browser, (tmp_path / "report.html").as_uri())
        shown = page.locator("#panel .prompt:visible")
        expect(shown).to_have_count(len(prompts))
        page.get_by_role("searchbox").fill(f"{wanted[:4].upper()} alert(1)")
        expect(shown).to_have_count(sum(wanted[:4] in str(each["messages"]) for each in prompts.values()))
        page.get_by_role("searchbox").fill("no such word")
        expect(shown).to_have_count(0)
        page.get_by_role("searchbox").fill("")
        expect(shown).to_have_count(len(prompts))
        close(page)  # fails if anything was loaded, or alerted
        browser.close()


def test_line_chart_places_points() -> None:
    chart = html_charts.line_chart([Series([(0, 1.0), (10, 2.0)], "train")], STEP, LOSS)
    left, bottom = html_charts.LEFT, html_charts.HEIGHT - html_charts.BOTTOM
    right, top = html_charts.WIDTH - html_charts.RIGHT, html_charts.TOP
    assert f'points="{left:.1f},{bottom:.1f} {right:.1f},{top:.1f}"' in chart
    assert ">1.2</text>" in chart and ">step</text>" in chart and ">损失</text>" in chart


def test_chart_of_nothing_is_nothing() -> None:
    assert html_charts.line_chart([Series([], "train")], STEP, LOSS) == ""


@pytest.mark.parametrize(
    ("low", "high", "whole", "ticks"),
    [
        (2.6, 4.1, False, [2.5, 3.0, 3.5, 4.0, 4.5]),
        (1, 120, True, [0, 25, 50, 75, 100, 125]),
        (1, 3, True, [1, 2, 3]),
        (0.5, 0.5, False, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.1, 0.1, False, [-0.1, -0.05, 0, 0.05, 0.1]),
    ],
)
def test_round_ticks(low: float, high: float, whole: bool, ticks: list[float]) -> None:
    assert html_charts.round_ticks(low, high, whole=whole) == ticks


@pytest.mark.parametrize(("lower_is_better", "side"), [(True, "right"), (False, "left")])
def test_better_is_to_the_right(lower_is_better: bool, side: str) -> None:
    drawn = html_charts.interval(-2.0, -3.0, -1.0, extent=4.0, lower_is_better=lower_is_better, verdict="better")
    x = float(re.search(r'cx="([\d.]+)"', drawn).group(1))
    assert x == 110 + (51 if side == "right" else -51)  # half of the way to the edge
    assert 'aria-label="-2 [-3, -1]"' in drawn


@pytest.mark.parametrize(
    ("value", "text", "signed"),
    [
        (0, "0", "0"),
        (15.34, "15.3", "+15.3"),
        (-0.0288, "-0.0288", "-0.0288"),
        (1234.5, "1,234", "+1,234"),
        (1.0, "1.00", "+1.00"),
    ],
)
def test_numbers(value: float, text: str, signed: str) -> None:
    assert report_words.number(value) == text
    assert report_words.number(value, sign=True) == signed
