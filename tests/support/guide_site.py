"""The documentation site, built for tests."""

import os
import subprocess
import sys
from pathlib import Path

from pages import GUIDE

LIBRARIES = ("sphinx", "furo", "myst_parser")
REASON = "Sphinx, Furo and MyST build the site: they are in the extra docs"


def build_site(target: Path) -> Path:
    """Build the site and return its folder; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-E", "-q", "-b", "html"]
    ran = subprocess.run(
        [*command, "-d", target / "doctrees", GUIDE, target / "html"],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return target / "html"
