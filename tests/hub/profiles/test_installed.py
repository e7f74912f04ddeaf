"""An installed hub finds its profiles without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

LOOK = "from hub.profiles.profile import SHIPPED, load_profile; print(SHIPPED, load_profile('vinh_phuc').title)"


@pytest.mark.slow
def test_the_wheel_carries_the_profiles(repository_root: Path, tmp_path: Path) -> None:
    """Built, unpacked as an installer would, and read from there."""
    built, installed = tmp_path / "built", tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(built)],
        cwd=repository_root,
        check=True,
        capture_output=True,
    )
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    found = subprocess.run(
        [sys.executable, "-P", "-c", LOOK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == f"{installed / 'profiles'} Vĩnh Phúc Province"
