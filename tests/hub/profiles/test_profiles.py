"""Profiles are files that state values with their articles; what they do not state is the default's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from hub.profiles.page import page
from hub.profiles.profile import SHIPPED, load_profile, shipped_profiles
from hub.profiles.values import ProfileValues
from hub.settings import Settings, SettingsError

PROVINCES = ("binh_dinh", "hai_duong", "lam_dong", "vinh_phuc", "yen_bai")
REGULATIONS = {"vinh_phuc": "VP", "hai_duong": "HD", "yen_bai": "YB", "binh_dinh": "BĐ", "lam_dong": "LĐ"}


def test_the_five_provinces_and_a_default_are_shipped() -> None:
    """The default first."""
    assert shipped_profiles() == ("default", *PROVINCES)
    assert Settings().profile == "default"


@pytest.mark.parametrize("name", shipped_profiles())
def test_a_shipped_profile_names_every_value_and_its_article(name: str) -> None:
    """Where the regulation states none it says so; an article is of the province's own regulation."""
    document = tomllib.loads((SHIPPED / f"{name}.toml").read_text("utf-8"))
    assert list(document["values"]) == list(ProfileValues.model_fields), "in the order of the model, none left out"
    profile = load_profile(name)
    for value, source in profile.sources.items():
        assert source.stated is (document["values"][value] != "default")
        if source.stated and name != "default":
            assert re.match(rf"{REGULATIONS[name]} \d", source.article), (value, source)


def test_what_the_regulations_differ_in() -> None:
    """The numbers of the regulations, by province."""
    notice = {name: load_profile(name).maintenance_notice_working_days for name in PROVINCES}
    assert notice == {"vinh_phuc": 2, "hai_duong": 5, "yen_bai": 5, "binh_dinh": 5, "lam_dong": 5}
    answer = {name: load_profile(name).feedback_answer_working_days for name in PROVINCES}
    assert answer == {"vinh_phuc": 10, "hai_duong": 10, "yen_bai": 10, "binh_dinh": 3, "lam_dong": 10}
    assert load_profile("vinh_phuc").sources["maintenance_notice_working_days"].article == "VP 29.6"
    assert load_profile("lam_dong").sources["maintenance_notice_working_days"].stated is False


def test_who_grants_accounts_by_province() -> None:
    """VP 8.2, HD 9.3 and 21.2, YB 13.1, LĐ 9.3: always two parties, and where the police must agree in writing."""
    found = {
        name: (one.account_requested_by, one.account_approved_by, one.account_police_consent)
        for name in PROVINCES
        if (one := load_profile(name))
    }
    assert found == {
        "vinh_phuc": ("agency", "provincial_office", False),
        "hai_duong": ("agency", "police", False),
        "yen_bai": ("agency", "provincial_office", True),
        "lam_dong": ("provincial_office", "police", True),
        "binh_dinh": ("agency", "police", False),
    }
    vinh_phuc = load_profile("vinh_phuc")
    assert vinh_phuc.account_dormant_days == 365
    assert vinh_phuc.population_report_periods == ("quarter", "half_year", "year")
    assert vinh_phuc.sources["population_report_periods"].article == "VP 29.8b"
    assert (vinh_phuc.usage_shows_officer, vinh_phuc.explanation_working_hours) == (False, 8)


def test_every_value_is_described_in_both_languages() -> None:
    """And says what uses it."""
    for name, field in ProfileValues.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        assert str(field.description).endswith("."), name
        assert str(extra["vi"]).endswith("."), name
        assert any(ord(letter) > 127 for letter in str(extra["vi"])), name
        assert str(extra["used_by"]), name


def test_the_page_shows_the_profiles_as_they_are(repository_root: Path) -> None:
    """`python -m hub.profiles` writes it; a changed profile and an old page do not go together."""
    assert (repository_root / "docs/profiles.md").read_text("utf-8") == page()


# --- a province's own ---------------------------------------------------------------------------------------------

HEAD = 'title = "Ours"\ntitle_vi = "Của tỉnh"\nregulation = "QĐ 1"\n[values]\n'


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """Writes a profile of one's own and returns its path."""

    def write(values: str, head: str = HEAD) -> Path:
        path = tmp_path / "tinh.toml"
        path.write_text(head + values, "utf-8")
        return path

    return write


def test_a_profile_of_ones_own_states_what_differs(own: Any) -> None:
    """Everything else is the default's."""
    path = own('maintenance_notice_working_days = { value = 3, source = "QĐ 1, 7.2" }\nmax_supplements = "default"\n')
    profile = load_profile(str(path))
    assert (profile.name, profile.maintenance_notice_working_days, profile.max_supplements) == ("tinh", 3, 1)
    assert profile.sources["maintenance_notice_working_days"].article == "QĐ 1, 7.2"
    assert profile.sources["max_supplements"].stated is False


_BOTH = "\n".join(f'{name} = {{ value = [2026-10-10], source = "QĐ 1" }}' for name in ("makeup_days", "extra_holidays"))


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        ('max_suplements = { value = 2, source = "QĐ 1" }', "profile.max_suplements", "did you mean max_supplements"),
        ('max_supplements = { value = 99, source = "QĐ 1" }', "profile.max_supplements", "less than or equal to 10"),
        ('max_supplements = { value = "x", source = "QĐ 1" }', "profile.max_supplements", "valid integer"),
        ("max_supplements = 2", "profile", "max_supplements must be"),
        ("max_supplements = { value = 2 }", "profile", "max_supplements must be"),
        ('max_supplements = { value = 2, source = " " }', "profile", "max_supplements must be"),
        ('max_supplements = { value = 2, source = "QĐ 1", note = "" }', "profile", "max_supplements must be"),
        ('office_hours = { value = [["11:30", "07:30"]], source = "QĐ 1" }', "profile", "in order"),
        ('reconciliation_at = { value = "02:00+07:00", source = "QĐ 1" }', "profile", "wall-clock"),
        ('reception_working_hours = { value = 2, source = "QĐ 1" }', "profile", "reception_warning_working_hours"),
        (_BOTH, "profile", "both"),
        ('account_requested_by = { value = "police", source = "QĐ 1" }', "profile", "two different parties"),
        ('population_report_periods = { value = ["year", "year"], source = "QĐ 1" }', "profile", "once"),
        ("[more]\nx = 1", "profile.more", "unknown"),
        ("max_supplements = ", "profile", "not valid TOML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_key_and_the_file(own: Any, values: str, key: str, words: str) -> None:
    """In both languages; nothing was started."""
    path = own(values)
    with pytest.raises(SettingsError, match=re.escape(words)) as caught:
        load_profile(path)
    assert caught.value.key == key
    assert str(path) in caught.value.sentence.en
    assert caught.value.sentence.vi != caught.value.sentence.en


def test_a_profile_needs_its_head(own: Any) -> None:
    """Whose regulation it is must be said."""
    with pytest.raises(SettingsError, match="title"):
        load_profile(own("", head="[values]\n"))


@pytest.mark.parametrize("name", ["hà_nội", "no_such", "/no/such/file.toml"])
def test_a_profile_that_is_not_there(name: str) -> None:
    """A wrong name lists the right ones; a wrong path names itself."""
    with pytest.raises(SettingsError) as caught:
        load_profile(name)
    assert caught.value.key == "profile"
    assert ("vinh_phuc" in caught.value.sentence.en) is (name == "no_such")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """Neither another encoding nor a file of any size."""
    path = tmp_path / "x.toml"
    for content, words in ((b"title = '\xff'", "UTF-8"), (b"#" * (1 << 21), "too large")):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=words):
            load_profile(path)
