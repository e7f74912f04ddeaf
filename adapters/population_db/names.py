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

_KEPT = re.compile(r"[^A-Z0-9 ]")
_PLAIN = str.maketrans({"Đ": "D", "đ": "D", "Ð": "D", "ð": "D"})
"""The two letters that no decomposition opens: Vietnamese đ, and the Icelandic letter that looks like it."""


def wire_name(name: str, form: NameForm) -> str:
    """Return a name in the form of the wire: ``Trần Thị Mẫu`` → ``TRANTHIMAU``, or ``TRAN THI MAU``.

    Raises:
        Unsupported: Nothing would be left, or a letter has no counterpart among A to Z: leaving it out would ask for
            somebody else.
    """
    bare = unicodedata.normalize("NFKD", name.translate(_PLAIN)).upper()
    spaced = " ".join(bare.split())
    kept = _KEPT.sub("", spaced)
    if len(kept) != len(spaced) and any(_is_lost(one) for one in spaced):
        raise Unsupported(_NOT_LATIN, field="name")
    written = " ".join(kept.split())
    if not written:
        raise Unsupported(_NOT_LATIN, field="name")
    return written if form == "spaced" else written.replace(" ", "")


def _is_lost(one: str) -> bool:
    # A modifier letter (Lm) is a mark beside a letter, such as the apostrophe of a highland name.
    return one.isalnum() and not one.isascii() and unicodedata.category(one) != "Lm"


_NOT_LATIN = Sentence(
    en="The name has a letter that the population database cannot be asked with (A to Z); write it as on the paper.",
    vi="Họ tên có ký tự không thể chuyển sang A–Z để tra cứu Cơ sở dữ liệu dân cư; hãy ghi đúng như trên giấy tờ.",
)
