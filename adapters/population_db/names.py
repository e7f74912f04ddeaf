"""A name as the population database compares it: upper case, without diacritics, spaces and special characters.

Deployed clients differ in the spaces, and a question with the wrong form is answered "no such citizen" about a correct
person; so the form is configuration and everything else is not.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from contracts.errors import Sentence, Unsupported

NameForm = Literal["joined", "spaced"]

_DROPPED = re.compile(r"[^A-Z0-9 ]")
_NOT_ASCII = re.compile(r"[^\W\x00-\x7f]")
"""A letter or digit outside of ASCII."""


def wire_name(name: str, form: NameForm) -> str:
    """Return a name in the form of the wire: ``Trần Thị Mẫu`` → ``TRANTHIMAU``, or ``TRAN THI MAU``.

    Raises:
        Unsupported: Nothing would be left, or a letter has no counterpart among A to Z: leaving it out would ask for
            somebody else.
    """
    # The two letters that no decomposition opens: Vietnamese đ, and the Icelandic letter that looks like it.
    latin = name.replace("Đ", "D").replace("đ", "D").replace("Ð", "D").replace("ð", "D")
    spaced = " ".join(unicodedata.normalize("NFKD", latin).upper().split())
    if not spaced.isascii():
        # A modifier letter (Lm) is a mark beside a letter, such as the apostrophe of a highland name.
        if any(unicodedata.category(one) != "Lm" for one in _NOT_ASCII.findall(spaced)):
            raise Unsupported(_NOT_LATIN, field="name")
        spaced = " ".join(spaced.encode("ascii", "ignore").decode().split())
    joined = spaced.replace(" ", "")
    if not joined.isalnum():
        spaced = " ".join(_DROPPED.sub("", spaced).split())
        joined = spaced.replace(" ", "")
        if not joined:
            raise Unsupported(_NOT_LATIN, field="name")
    return spaced if form == "spaced" else joined


_NOT_LATIN = Sentence(
    en="The name has a letter that the population database cannot be asked with (A to Z); write it as on the paper.",
    vi="Họ tên có ký tự không thể chuyển sang A–Z để tra cứu Cơ sở dữ liệu dân cư; hãy ghi đúng như trên giấy tờ.",
)
