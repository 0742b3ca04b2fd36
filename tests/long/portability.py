"""The tests on what other machines bring along: `make portability`, or a part of it with --quick.

With --quick, only the tests that can differ run, on the kernel that the environment chose and without other Pythons.

Each environment is tried with random hashes, colours forced, the C locale, and the tests in a random
order, whose seed is printed:

* each distinct OpenBLAS kernel that this processor can run;
* NumPy without the processor's features, as far as it lets them be named;
* each other Python from 3.11 on that is found, in a virtual environment of its own.

Whatever could not be tried is printed at the end.
"""

import argparse
import os
import platform
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".venv-portability"
"""Where the environments of other Pythons are made."""

OLDEST = (3, 11)
KERNELS = {
    "x86_64": [
        "Prescott",
        "Nehalem",
        "Sandybridge",
        "Bulldozer",
        "Haswell",
        "Zen",
        "SkylakeX",
        "Cooperlake",
        "SapphireRapids",
    ],
    "aarch64": ["ARMV8", "CORTEXA57", "NEOVERSEN1", "NEOVERSEV1", "NEOVERSEN2", "ARMV8SVE"],
}
"""The names that OpenBLAS takes. Several stand for one kernel in a build that has only some."""

DIFFERING = [
    "tests/unit/rules/test_linalg.py",
    "tests/unit/plans",
    "tests/unit/memory/test_eviction.py",
    "tests/unit/cli/test_main.py",
    "tests/unit/diagnostics/test_derivation.py",
    "tests/unit/drawing",
    "tests/properties/test_random.py",
    "tests/properties/test_plans.py",
    "tests/properties/test_models.py",
    "tests/docs/test_tutorial.py",
]
"""What a kernel, a hash seed or a locale can change: linear algebra, plans, laws and printed text."""

KERNEL = """
import numpy as np, scipy.linalg, threadpoolctl
a = np.random.default_rng(0).integers(-9, 9, (2, 97, 97))
assert np.array_equal(a[0] @ a[1], a[0].astype(float) @ a[1].astype(float)), "wrong products"
print(sorted({i["architecture"] for i in threadpoolctl.threadpool_info() if "architecture" in i}))
"""
"""Prints the kernels that run. OpenBLAS before 0.3.30 computes wrong products on some newer processors."""

FEATURES = """
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(*[name for name in __cpu_dispatch__ if __cpu_features__.get(name)])
"""

VERSION = "import sys; print(*sys.version_info[:2])"


def output_of(python: str | Path, code: str, env: dict[str, str]) -> tuple[str | None, str]:
    """Run code, and give what it prints, or None and the last line of the error."""
    done = subprocess.run(
        [python, "-W", "error", "-c", code], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
    return done.stdout.strip(), ""


def kernels(left_out: list[str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield each distinct kernel, with the variables that choose it. None stands for a variable that is not set."""
    seen, native = set(), {"OPENBLAS_CORETYPE": None, "OPENBLAS_L2_SIZE": None}
    choices = KERNELS.get(platform.machine(), [])
    for name, variables in [
        ("native", native),
        *((name, {"OPENBLAS_CORETYPE": name}) for name in choices),
    ]:
        found, error = output_of(sys.executable, KERNEL, environment(variables))
        if found is None:
            left_out.append(f"OpenBLAS kernel {name}: {error}")
        elif found in ("[]", *seen):
            left_out.append(
                f"OpenBLAS kernel {name}: it is {found}, which was tried"
                if found in seen
                else "OpenBLAS is not in use"
            )
        else:
            seen.add(found)
            yield f"OpenBLAS {name}, which is {found}", variables


def without_features(left_out: list[str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield NumPy without all features that it lets be disabled; a feature that others need goes with them."""
    names, error = output_of(sys.executable, FEATURES, environment({}))
    off = (names or "").split()
    if not off:
        left_out.append(f"NumPy's processor features: {error or 'there are none'}")
        return
    variables: dict[str, str | None] = {"NPY_DISABLE_CPU_FEATURES": " ".join(off)}
    left, error = output_of(sys.executable, FEATURES, environment(variables))
    if left is None:
        left_out.append(f"NumPy without {', '.join(off)}: {error}")
    else:
        if left:
            left_out.append(f"NumPy without {left}: it could not be disabled")
        yield f"NumPy without {', '.join(off)}", variables


def pythons(left_out: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield other versions of Python from the oldest supported one on, with the path of one of each."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        p for folder in (*pyenv.glob("*/bin"), *folders) for p in sorted(folder.glob("python3.*"))
    ]
    seen = {sys.version_info[:2]}
    for path in candidates:
        if not re.fullmatch(r"python3\.\d+", path.name) or not os.access(path, os.X_OK):
            continue
        found, error = output_of(path, VERSION, dict(os.environ))
        if found is None:
            if "pyenv" not in str(path):  # its shims fail where the version is not chosen
                left_out.append(f"{path.name}: {error}")
            continue
        version = tuple(map(int, found.split()))
        if version >= OLDEST and version not in seen:
            seen.add(version)
            yield ".".join(map(str, version)), path


def environment(variables: dict[str, str | None]) -> dict[str, str]:
    """Make the variables of a run: those at hand, the hostile ones, and the given ones."""
    env = os.environ | {"PYTHONHASHSEED": "random", "FORCE_COLOR": "1", "LC_ALL": "C"} | variables
    return {name: value for name, value in env.items() if value is not None}


def installed(version: str, path: Path, extras: str) -> Path:
    """Make an environment of another Python with memograd and what its tests need, and give its Python."""
    folder = HOME / version
    python = folder / "bin" / "python"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([path, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, f"{ROOT}[{extras}]"], check=True)
    return python


def tested(
    name: str,
    python: str | Path,
    paths: list[str],
    variables: dict[str, str | None],
    options: list[str],
) -> bool:
    """Run the tests once, in an order that the printed seed gives again."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"\n== {name}; seed {seed}", flush=True)
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "--shuffle",
        str(seed),
        *options,
        *paths,
    ]
    return (
        subprocess.run(command, cwd=ROOT, env=environment(variables), check=False).returncode == 0
    )


def main() -> int:
    """Try every environment, and give the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="only the tests that can differ, on this kernel and Python",
    )
    parser.add_argument("--extras", default="test", help="what other Pythons install")
    parser.add_argument("--options", default="-n 2", help="more options of pytest")
    parser.add_argument("paths", nargs="*", help="the tests; all by default")
    given = parser.parse_args()
    paths, options = given.paths or (DIFFERING if given.quick else []), given.options.split()
    left_out: list[str] = []
    results = {}
    chosen: Iterable[tuple[str, dict[str, str | None]]]
    chosen = [("the kernel of this environment", {})] if given.quick else kernels(left_out)
    for name, variables in (*chosen, *without_features(left_out)):
        results[name] = tested(name, sys.executable, paths, variables, options)
    if given.quick:
        left_out.append("other kernels and other Pythons, which `make portability` tries")
    else:
        for version, path in pythons(left_out):
            name = f"Python {version}"
            results[name] = tested(name, installed(version, path, given.extras), paths, {}, options)
    print("\n== tried")
    for name, passed in results.items():
        print(f"{'passed' if passed else 'FAILED'}: {name}")
    for reason in left_out:
        print(f"left out: {reason}")
    return 0 if results and all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
