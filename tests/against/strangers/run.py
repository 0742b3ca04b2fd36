"""Test suites of public packages that use autograd, with autograd and with memograd.autograd in its place.

    python tests/against/strangers/run.py [--folder FOLDER] [--only NAME ...]

It takes the packages' source distributions, makes an environment in the folder, runs each suite twice, and prints how
many tests that pass with autograd pass with memograd, and the ratio of the processor's time. Exit code 1 tells that a
test outside EXCEPTIONS fails. It needs a network, and an hour or two of one processor; CI does not run it.
"""

import argparse
import os
import resource
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]

REQUIREMENTS = [
    "autograd-gamma==0.5.0", "flaky==3.8.1", "formulaic==1.2.2", "matplotlib==3.11.2", "numpy==2.4.6", "pandas==2.3.3",
    "pymongo==4.20.1", "pytest==9.2.0", "scikit-survival==0.28.0", "scipy==1.17.1", "xarray==2026.9.0",
]  # fmt: skip

SEEDS = """import random

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def seeds():
    random.seed(42)
    np.random.seed(42)
"""
"""Stands in for a conftest that imports other backends, to seed them."""


ENVIRONMENT = {
    "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
}  # fmt: skip
"""One thread: the time of threads that wait for each other is nobody's."""


class Suite(NamedTuple):
    """A package and its tests.

    Attributes
    ----------
    package, version : str
        Name and version on PyPI.
    tests : str
        Folder of the tests in the sources.
    ignored : tuple of str
        Files to leave out.
    conftest : str
        A conftest to put in place.
    chosen : str
        Expression of pytest's that chooses tests by name.
    """

    package: str
    version: str
    tests: str
    ignored: tuple[str, ...] = ()
    conftest: str = ""
    chosen: str = ""

    @property
    def folder(self) -> str:
        """Name of the folder that the source distribution unpacks to."""
        return f"{self.package}-{self.version}"


SUITES = [
    # The tests of lifelines that are left out compute without autograd, but for a few of Cox's model.
    Suite(
        "lifelines", "0.30.1", "lifelines/tests",
        chosen="not (Cox and not Pieces or Aalen or KaplanMeier or Breslow or utils or Plotting or statistics or npmle or datasets)",
    ),
    Suite("surpyval", "0.16.0", "surpyval/tests"),
    # Those that are left out import JAX, TensorFlow or PyTorch.
    Suite(
        "pymanopt", "2.2.1", "tests",
        ("test_problem.py", "test_examples.py", "backends/test_jax.py", "backends/test_tensorflow.py", "backends/test_pytorch.py"),
        SEEDS,
    ),
    Suite("autograd", "1.9.1", "tests"),
]  # fmt: skip

EXCEPTIONS = {
    "autograd": {
        "test_fft::test_rfftn_odd_not_implemented": "expects an error; memograd has the derivative",
        "test_linalg::test_pinv": "calls autograd's helper numpy.linalg._dot",
        "test_misc::test_const_graph_args": "counts how often a primitive runs while a graph is made",
        "test_numpy::test_cast_to_int": "np.int64(x) is NumPy's type here, which takes no node: np.astype(x, int)",
        "test_numpy::test_diagonal": "calls autograd's helper numpy.make_diagonal",
        "test_numpy::test_make_diagonal": "calls autograd's helper numpy.make_diagonal",
        "test_wrappers::test_deprecated_defgrad_wrapper": "a form that autograd itself has deprecated since 2017",
        "test_wrappers::test_deprecated_defvjp_is_zero_wrapper": "a form that autograd itself has deprecated since 2017",
        "test_wrappers::test_deprecated_defvjp_wrapper": "a form that autograd itself has deprecated since 2017",
        "test_wrappers::test_deprecated_quick_grad_check_wrapper": "a form that autograd itself has deprecated since 2017",
        "test_wrappers::test_wrapped_name_and_docs": "compares the words of autograd's docstrings",
    },
}
"""Tests of autograd's own internals and habits, each with the reason why it may fail."""


def run(*command: object, **options: object) -> int:
    """Run a command, and return its exit code."""
    return subprocess.run([*map(str, command)], check=False, **options).returncode  # type: ignore[call-overload]


def make_environment(folder: Path) -> Path:
    """Return the Python of an environment in the folder, made unless it is there, with this memograd."""
    python = folder / "env" / "bin" / "python"
    pip = python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"
    if not python.exists():
        run(sys.executable, "-m", "venv", folder / "env")
        pins = [f"{suite.package}=={suite.version}" for suite in SUITES]
        if run(*pip, *REQUIREMENTS, *pins):
            raise SystemExit("The packages could not be installed.")
    run(*pip, "--no-deps", "--force-reinstall", ROOT)
    return python


def take_sources(python: Path, folder: Path, suite: Suite) -> None:
    """Unpack the source distribution of a package, unless it is there."""
    if not (folder / suite.folder).exists():
        name = f"{suite.package}=={suite.version}"
        run(
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            name,
            "-d",
            folder,
        )
        with tarfile.open(folder / f"{suite.folder}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    if suite.conftest:
        (folder / suite.folder / suite.tests / "conftest.py").write_text(suite.conftest)


def run_suite(python: Path, folder: Path, suite: Suite, engine: str) -> tuple[set[str], float]:
    """Return the tests of a suite that pass, and the processor's time in seconds."""
    report = folder / f"{suite.package}-{engine}.xml"
    command = (
        ["-m", "pytest"] if engine == "autograd" else ["-m", "memograd.autograd", "-m", "pytest"]
    )
    ignored = [f"--ignore={suite.tests}/{name}" for name in suite.ignored]
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        "-o",
        "required_plugins=",
        f"--junitxml={report}",
    ]
    if suite.chosen:
        options += ["-k", suite.chosen]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(report.with_suffix(".txt"), "w") as log:
        run(
            python, *command, *options, *ignored, suite.tests,
            cwd=folder / suite.folder, env=os.environ | ENVIRONMENT, stdout=log, stderr=log,
        )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    cases = ET.parse(report).iter("testcase")
    return {
        name_of(case)
        for case in cases
        if not {"failure", "error", "skipped"} & {part.tag for part in case}
    }, spent


def name_of(case: ET.Element) -> str:
    """Return the name of a test, without the folders of its module."""
    module = case.attrib["classname"].removeprefix("tests.")
    return f"{module}::{case.attrib['name']}"


def compare(python: Path, folder: Path, suite: Suite) -> bool:
    """Print the row of a suite and what fails; return whether all of it is expected."""
    take_sources(python, folder, suite)
    with_autograd, time = run_suite(python, folder, suite, "autograd")
    with_memograd, own_time = run_suite(python, folder, suite, "memograd")
    excepted = EXCEPTIONS.get(suite.package, {})
    failed = sorted(with_autograd - with_memograd)
    unexpected = [name for name in failed if name not in excepted]
    counted = len(with_autograd) - len(failed) + len(unexpected)
    share = 1 - len(unexpected) / counted if counted else 0.0
    row = (
        suite.folder,
        len(with_autograd),
        len(with_autograd) - len(failed),
        len(failed) - len(unexpected),
        share,
    )
    print("| {} | {} | {} | {} | {:.4f} | {:.2f} |".format(*row, own_time / time), flush=True)
    for name in failed:
        print(f"    {name}: {excepted.get(name, 'fails')}")
    return not unexpected and bool(counted)


def main() -> int:
    """Run the suites that the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".strangers", help="where everything is put"
    )
    parser.add_argument(
        "--only", nargs="*", default=[suite.package for suite in SUITES], help="names of packages"
    )
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    python = make_environment(folder)
    print(
        "| suite | pass with autograd | of these with memograd | exceptions | share | time, memograd : autograd |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    results = [compare(python, folder, suite) for suite in SUITES if suite.package in chosen.only]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
