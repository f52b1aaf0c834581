"""Normalization: what is stored, what is compared, and the language of a text."""

import random
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.lib import text as texts
from workflow_scripts.lib.text import canonical, canonical_of, han_ratio, is_valid_unicode, language, normalize


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("\ufeff白日依山尽，黄河入海流。", "白日依山尽，黄河入海流。"),  # the full-width comma is the right one
        ("真的吗？！（对）：是；——…", "真的吗？！（对）：是；——…"),
        ("ＡＢＣ１２３", "ABC123"),
        ("ﬁ ｶﾞ", "fi ガ"),
        ("x² ½ ①③", "x² ½ ①③"),  # not x2, 1⁄2 and 13
        ("一\u3000二\u00a0三", "一 二 三"),
        ("\u3000\u3000段落", "段落"),
        ("a \t  b", "a b"),
        ("甲\r\n\r\n\r\n\n乙", "甲\n\n乙"),
        ("甲\u2028乙\x0b丙", "甲\n乙\n丙"),
        ("nul\x00 bell\x07 zero\u200bwidth \u202edirection", "nul bell zerowidth direction"),
        ("def f():\n    return 1  \n", "def f():\n    return 1"),
        ("", ""),
    ],
)
def test_normalize_keeps_what_chinese_text_means(raw: str, stored: str) -> None:
    assert normalize(raw) == stored
    assert normalize(stored) == stored


def test_the_short_way_through_normal_text_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = random.Random(3)
    letters = "中文，。a1 \n\t\u3000\u00a0é\u0301①²…～\ufeff\u200bｶﾞ·—“”（ )ﬁ\r\x0b\u2028"
    tried = ["".join(draws.choices(letters, k=draws.randint(0, 12))) for _ in range(20_000)]
    tried += ["".join(draws.choices(letters[:7], k=8)) for _ in range(5_000)]
    tried += [chr(code) for code in range(0x110000) if texts._NORMALIZED.fullmatch(chr(code))]
    found = [normalize(text) for text in tried]
    taken = sum(text != "" and texts._NORMALIZED.fullmatch(text) is not None for text in tried)
    assert taken > 22_000
    monkeypatch.setattr(texts, "_NORMALIZED", re.compile(r"(?!)"))
    assert [normalize(text) for text in tried] == found


def test_canonical_sees_through_width_and_space() -> None:
    assert canonical("你好，世界！\n（真）") == canonical("你好,世界!  (真)") == "你好,世界! (真)"
    assert canonical("你好，") != canonical("你好。")


@pytest.mark.parametrize(("text", "valid"), [("好", True), ("\U0001f600", True), ("a\ud800", False), ("\udfff", False)])
def test_lone_surrogates_are_no_unicode(text: str, valid: bool) -> None:
    assert is_valid_unicode(text) is valid


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("今天天气很好", "zh"),
        ("用 Python 写一个 hello world", "other"),
        ("请用 Python 写一个排序函数", "zh"),
        ("The weather is fine.", "en"),
        ("今日はとても良い天気です", "other"),
        ("오늘 날씨가 좋다", "other"),
        ("12345 …", "other"),
        ("Погода хорошая", "other"),
    ],
)
def test_language_by_script(text: str, name: str) -> None:
    assert language(text) == name


def test_han_ratio_counts_letters_only_and_knows_rare_characters() -> None:
    assert han_ratio("𠀀㐀一，。12") == 1.0
    assert han_ratio("ab中") == pytest.approx(1 / 3)
    assert han_ratio("，。！䷀") == 0.0
    assert han_ratio("\U000323af") == 1.0  # newer than the Unicode of Python 3.11


def test_a_hexagram_is_no_chinese_and_the_newest_ideograph_is() -> None:
    assert language("䷀䷁") == "other"
    assert language("\U000323af") == language("\U0002ebe1") == "zh"


SPECIAL = "春曉，。！？：；（）,!?:;() \n\u3000aZ1²①가あア\u0301\u0338\u3099ﬁ"
MIXED = st.text(st.sampled_from(SPECIAL) | st.characters(), max_size=40)


@given(MIXED)
def test_the_quick_way_to_the_compared_form_is_the_plain_one(text: str) -> None:
    stored = normalize(text)
    assert canonical(text) == " ".join(unicodedata.normalize("NFKC", stored).split())
    assert canonical(stored) == canonical_of(stored)  # what rows store is compared without normalizing it again


@given(MIXED)
def test_the_quick_way_to_the_language_is_the_plain_one(text: str) -> None:
    letters = sum(char.isalpha() or bool(re.match(f"[{texts.HAN}]", char)) for char in text)

    def share(script: str) -> float:
        return len(re.findall(script, text)) / letters

    if not letters or share("[\u3041-\u30ff\uac00-\ud7af]") >= 0.1:
        expected = "other"
    elif share(f"[{texts.HAN}]") >= 0.3:
        expected = "zh"
    else:
        expected = "en" if share("[A-Za-z]") >= 0.9 else "other"
    assert language(text) == expected
