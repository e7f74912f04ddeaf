"""The page ``docs/profiles.md``: the profiles we ship side by side, written from the files themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Any

from hub.profiles.profile import Profile, load_profile, shipped_profiles
from hub.profiles.values import ProfileValues

_HEAD = """\
# Province profiles · Hồ sơ cấu hình tỉnh

Provinces differ in numbers and hours; those are a profile, not code ([decision
0015](decisions/0015-province-profiles.md)). `profile = "vinh_phuc"` in `lienthong.toml` takes one of the shipped
profiles, `profile = "/etc/lienthong/our.toml"` a file of your own, which states what differs and leaves the rest to the
default. `[rules]` in `lienthong.toml` stands above the profile.

The values are our reading of the regulations; compare them with yours before you rely on them. Hải Dương's is a draft.
Where provinces have merged since, the profile of the regulation that is in force goes on.

This page is written by `python -m hub.profiles`; a test compares it with the files.

## Side by side · So sánh

A value in brackets is the default's: the regulation states none. Below each stands the article.

"""

_OUTSIDE = """\
## What is not in a profile · Chưa thuộc hồ sơ cấu hình

A value enters the profile when something in the hub behaves differently because of it. These are in the regulations
and wait for what will use them:

| what | where | waits for |
|---|---|---|
| delivery of results by post within 24 hours in the province | BĐ 18.2 | postal orders |
| refund of fees paid by mistake or in excess | VP 18; BĐ 7.3 | payments |
| handing finished dossiers to the agency archive | HD 16; YB 16; LĐ 10.4 | the archive |

A new value gets a field in `hub/profiles/values.py` with its description in both languages, its line with an article
in every file of `profiles/`, and a test in `tests/hub/profiles/test_every_value.py` that shows what it changes.

These are the same everywhere and therefore no values: three grades of satisfaction (VP 26; the portal's message has
exactly three), the four lawful reasons of a pause (VP 17.2), two people for a cancellation (VP 20), service on all days
and hours (all five).
"""


def page() -> str:
    """Return the whole page."""
    profiles = [load_profile(name) for name in shipped_profiles()]
    return _HEAD + "\n".join((*_table(profiles), "", *_descriptions(), "", _OUTSIDE))


def _table(profiles: list[Profile]) -> Iterable[str]:
    yield f"| value | {' | '.join(f'{one.title}<br>`{one.name}`' for one in profiles)} |"
    yield "|" + "---|" * (len(profiles) + 1)
    for name in ProfileValues.model_fields:
        yield f"| `{name}` | {' | '.join(_cell(one, name) for one in profiles)} |"


def _descriptions() -> Iterable[str]:
    yield "## What each value does · Ý nghĩa"
    yield ""
    yield "| value | meaning | ý nghĩa | changes |"
    yield "|---|---|---|---|"
    for name, field in ProfileValues.model_fields.items():
        extra: Any = field.json_schema_extra
        yield f"| `{name}` | {field.description} | {extra['vi']} | {extra['used_by']} |"


def _cell(profile: Profile, name: str) -> str:
    source = profile.sources[name]
    shown = _shown(getattr(profile, name))
    if not source.stated:
        return f"({shown})"
    return f"**{shown}**<br>{source.article}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return (
            ", ".join("–".join(map(_shown, one)) if isinstance(one, tuple) else _shown(one) for one in value) or "none"
        )
    return str(value)
