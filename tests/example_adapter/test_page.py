"""docs/adding-an-adapter.md speaks of the example as it is."""

from __future__ import annotations

import re
from pathlib import Path

from contracts.conformance.quality import README_SECTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-an-adapter.md").read_text("utf-8")
SNIPPETS = re.findall(r"^`([^`\n]+)`\n\n```[a-z]+\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_every_snippet_is_a_part_of_its_file() -> None:
    """Whoever copies from the page copies what is tested."""
    assert len(SNIPPETS) == PAGE.count("\n```") // 2
    for name, snippet in SNIPPETS:
        assert snippet in (ROOT / name).read_text("utf-8"), name


def test_the_steps_name_every_file_of_the_example() -> None:
    """The outline of the page is the outline of the package, and each file has its step."""
    table = set(re.findall(r"^\| `([^`]+)` \|", PAGE, flags=re.MULTILINE))
    package = {path.name for path in (ROOT / "tests" / "example_adapter" / "so_mau").iterdir() if path.is_file()}
    assert table == package


def test_the_steps_are_numbered_and_end_with_tests() -> None:
    """Ten and one, in order; the last three are about trying it."""
    steps = re.findall(r"^### (\d+)\. (.+)$", PAGE, flags=re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert [title.split()[0] for _, title in steps[-3:]] == ["Inherit", "Write", "Deliver"]


def test_the_readme_of_the_example_has_the_headings() -> None:
    """As every adapter's."""
    text = (ROOT / "tests" / "example_adapter" / "so_mau" / "README.md").read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == list(README_SECTIONS)
