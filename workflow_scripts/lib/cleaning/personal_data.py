"""Numbers and addresses that belong to a person: found with their check digits, or masked."""

import datetime
import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

_BEFORE, _AFTER = r"(?<![0-9A-Za-z_.+-])", r"(?![0-9A-Za-z_]|\.[0-9])"
# GB 11643-1999: area, date of birth, sequence, check digit
_IDENTITY = re.compile(_BEFORE + r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9Xx]" + _AFTER)
_IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECK = "10X98765432"
# UnionPay 62 (16 to 19 digits), older domestic 9558 (19), Visa 4, MasterCard 51-55 and 2221-2720, JCB 35 (16)
_CARD = re.compile(
    r"(?<![0-9A-Za-z_.+-])(?:62[0-9]{2}|9558|4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|35[0-9]{2})"
    r"(?:([ -]?)[0-9]{4}(?:\1[0-9]{4}){2}(?:\1?[0-9]{1,3})?)(?![0-9A-Za-z_]|\.[0-9])"
)
_MOBILE = re.compile(r"(?<![0-9A-Za-z_.])(?:\+?86[ -]?)?1[3-9][0-9](?:[0-9]{8}|([ -])[0-9]{4}\1[0-9]{4})" + _AFTER)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"[A-Za-z]{2,24}(?![A-Za-z0-9_-])"
)
_IP = re.compile(
    r"(?<![0-9A-Za-z_.:-])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4})"
    r"(?![0-9A-Za-z_:-]|\.[0-9])"
)
_RESERVED = re.compile(r"(?:[@.]example\.(?:com|net|org)|\.(?:example|test|invalid|localhost))\Z", re.IGNORECASE)
# Holds in every text that any of them finds something in; read by a library without look-around, so it is coarser.
MAYBE = r"[0-9](?:[ -]?[0-9]){9}|@|[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:"
_MAYBE_HERE = re.compile(MAYBE)
_NONE: Mapping[str, int] = MappingProxyType({})  # most texts hold none


def _is_identity(text: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(text, _IDENTITY_WEIGHTS, strict=False))
    if _IDENTITY_CHECK[total % 11] != text[-1].upper():
        return False
    try:
        datetime.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return True


def _is_card(text: str) -> bool:
    """Check length and the Luhn digit (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    longest = {"62": range(16, 20), "95": range(19, 20)}.get(text[:2], range(16, 17))
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) in longest and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_email(text: str) -> bool:
    """Leave out the names kept for examples (RFC 2606)."""
    return not _RESERVED.search(text)


def _is_address(text: str) -> bool:
    """Leave out private, loopback and documentation addresses: they are nobody's."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


# In this order: the digits of an identity card may also be those of a bank card.
_KINDS: dict[str, tuple[re.Pattern[str], Callable[[str], bool], str]] = {
    "identity_number": (_IDENTITY, _is_identity, "[身份证号]"),
    "bank_card": (_CARD, _is_card, "[银行卡号]"),
    "mobile_number": (_MOBILE, lambda text: True, "[手机号]"),
    "email": (_EMAIL, _is_email, "[邮箱]"),
    "ip_address": (_IP, _is_address, "[IP地址]"),
}


def masked(text: str) -> tuple[str, Mapping[str, int]]:
    """Return the text with personal data replaced by what it was, such as ``[手机号]``, and how many of each kind."""
    if not _MAYBE_HERE.search(text):
        return text, _NONE
    counts: Counter[str] = Counter()
    for kind, (pattern, is_one, mask) in _KINDS.items():

        def replace(match: re.Match[str], kind: str = kind, is_one: Callable = is_one, mask: str = mask) -> str:
            if not is_one(match[0]):
                return match[0]
            counts[kind] += 1
            return mask

        text = pattern.sub(replace, text)
    return text, counts
