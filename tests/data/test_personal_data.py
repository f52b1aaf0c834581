"""Personal data: what is found, what only looks like it, and what masking leaves."""

import time

import pytest

from workflow_scripts.lib.cleaning.personal_data import masked
from workflow_scripts.lib.cleaning.reasoning import without_reasoning


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("身份证110101199003078515。", "身份证[身份证号]。"),
        ("号码11010519491231002X，", "号码[身份证号]，"),
        ("11010519491231002x", "[身份证号]"),
        ("打13912345678找我", "打[手机号]找我"),
        ("+86 139-1234-5678", "[手机号]"),
        ("8613912345678", "[手机号]"),
        ("139 1234 5678", "[手机号]"),
        ("卡号6222021234567890128", "卡号[银行卡号]"),
        ("4111 1111 1111 1111", "[银行卡号]"),
        ("5500-0000-0000-0004", "[银行卡号]"),
        ("写信给zhang.san@mail.qq.com吧", "写信给[邮箱]吧"),
        ("a_b+c@163.com, d@126.com", "[邮箱], [邮箱]"),
        ("服务器8.8.8.8宕机", "服务器[IP地址]宕机"),
        ("2001:4860:4860::8888", "[IP地址]"),
    ],
)
def test_what_belongs_to_a_person_is_masked(text: str, left: str) -> None:
    assert masked(text)[0] == left


@pytest.mark.parametrize(
    "text",
    [
        "110101199003078516",  # wrong check digit
        "110101199013078519",  # month 13, check digit right
        "4111 1111 1111 1112",  # Luhn fails
        "1234567890123456",  # no bank's digits
        "12912345678",  # no mobile network
        "订单139123456789",  # twelve digits
        "3.13912345678",  # a decimal
        "ID13912345678",
        "192.168.1.1和127.0.0.1",  # nobody's
        "999.1.1.1",
        "版本1.2.3.4.5",
        "someone@example.com",
        "git@localhost",
        "@username 你好",
        "std::cout << a::b; 12:30:45",
        "公元618年至907年，共289年",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    found, counts = masked(text)
    assert found == text and not counts


def test_kinds_are_counted_and_a_card_is_no_identity() -> None:
    found, counts = masked("13912345678、13812345678，a@qq.com，620102199001010011")
    assert counts == {"mobile_number": 2, "email": 1, "identity_number": 1}
    assert found == "[手机号]、[手机号]，[邮箱]，[身份证号]"


@pytest.mark.parametrize(
    "text",
    ["a@" * 500_000, "a." * 500_000 + "@", "a@" + "b-" * 500_000, "@" + "a." * 500_000, "1 " * 500_000, "62" * 500_000,
     "1." * 500_000, "2001:" * 200_000, "<think>" * 140_000, "<think>" + "a" * 10**6, "</think" * 140_000],
    ids=range(11),
)  # fmt: skip
def test_a_million_odd_characters_take_no_time(text: str) -> None:
    started = time.process_time()
    masked(text)
    without_reasoning(text)
    assert time.process_time() - started < 5
