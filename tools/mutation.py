"""How many small faults the tests find: `python tools/mutation.py [--mutants 40] [--layer NAME]`.

One place of a module is changed at a time (a comparison, a sum, a condition, a number, a returned
value), in a copy of the repository in memory, and the tests run that pass over its line, the
quickest ahead; where a fixture passes over it, all of its file. The places are drawn by seed from
all there are, so that a short run is a fair sample; the score is the share that a test found. What
branches the tests of a layer take, and which not, is printed as well. Each run is a fork of this
process, which has imported what is slow to import, but nothing of the package.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import datasets  # noqa: F401 slow to import, as are the others
import hypothesis.stateful
import polars  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pydantic  # noqa: F401
import pytest
import typer.testing  # noqa: F401

ROOT = Path(__file__).parents[1]
LAYERS = {
    "sample": (["cauldron/sample.py"], ["tests/test_sample.py", "tests/test_sample_table.py"]),
    "storage": (["cauldron/storage"], ["tests/storage"]),
    "curate": (["cauldron/curate"], ["tests/curate"]),
    "mixture": (["cauldron/mixture"], ["tests/mixture", "tests/trust/test_stateful.py"]),
}
MEMORY = Path("/dev/shm")
QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what is imported here
LEAST_S = 30.0  # that a run may take, however quick it is without a change
COPIED = ("cauldron", "tests", "data_cards", "recipes", "docs", "pyproject.toml")
SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.And: ast.Or,
    ast.Or: ast.And, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield what can be changed, and how.

    How a class is made by its decorator is no behaviour; that columns fit each other (`strict`)
    is an assertion, which never fails.
    """
    settled = {
        id(node)
        for made in ast.walk(tree)
        if isinstance(made, ast.ClassDef)
        for decorator in made.decorator_list
        for node in ast.walk(decorator)
    } | {
        id(made.value)
        for made in ast.walk(tree)
        if isinstance(made, ast.keyword) and made.arg == "strict"
    }
    for node in ast.walk(tree):
        if id(node) in settled:
            continue
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node, "compare"
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
            yield node, "operator"
        elif isinstance(node, ast.If | ast.IfExp):
            yield node, "condition"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
            yield node, "constant"
        elif isinstance(node, ast.Return) and not is_none(node.value):
            yield node, "return"


def is_none(value: ast.expr | None) -> bool:
    """Say whether nothing is returned."""
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def change(node: ast.AST, how: str) -> None:
    """Make the change."""
    if isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(value=None)


@dataclass(frozen=True, slots=True)
class Passed:
    """Which tests, or fixtures of which files, pass over each line, and how long each takes."""

    lines: dict[str, dict[int, list[str]]]
    took: dict[str, float]

    def tests(self, module: str, node: ast.AST) -> list[str]:
        """Return the tests that pass over a node, the quickest first.

        Where none is seen, all of them: what runs on import only, and what numba has compiled.
        """
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", first)
        own = self.lines.get(module, {})
        over = [own.get(line, []) for line in range(first, last + 1)]
        found = {test for tests in over for test in tests if test}
        found = found or {test for test in self.took if "::" in test}
        return sorted(found, key=lambda test: (self.took.get(test, 0.0), test))


class Contexts:
    """A plug-in that tells coverage which test is running."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured, self.took = measured, dict[str, float]()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """A fixture is of the file: other tests of it may be those that see what it made."""
        self.measured.switch_context(_file(item.nodeid))

    def pytest_runtest_call(self, item: pytest.Item) -> None:
        self.measured.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name in {report.nodeid, _file(report.nodeid)}:
            self.took[name] = self.took.get(name, 0.0) + report.duration


def _file(test: str) -> str:
    return test.partition("::")[0]


def forked(copy: Path, work: Callable[[], int], limit_s: float) -> int | None:
    """Run in a fork of this process, inside of the copy; None where it takes too long."""
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        os.environ["PYTHONPATH"] = str(copy)
        silent = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silent, stream)
        code = 1
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    waited, before = 0.0, time.monotonic()
    while not os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.01)
        now = time.monotonic()
        waited, before = waited + min(now - before, 0.1), now  # a halt of all does not count
        if waited > limit_s:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def tested(tests: list[str], *plugins: object) -> int:
    """Run tests in this process, up to the first that fails; what failed is made no smaller."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("found", phases=phases, derandomize=True, database=None)
    options = [
        "-x",
        "-q",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        "--hypothesis-profile=found",
        *QUIET,
    ]
    return int(pytest.main([*options, *tests], plugins=list(plugins)))


def unwritten(tests: list[str]) -> int:
    """Run tests; what is compiled for them is of a changed module, and not kept."""
    sys.dont_write_bytecode = True
    return tested(tests)


def passed_over(copy: Path, roots: list[str], tests: list[str], told: Path) -> str | None:
    """Run the tests of a layer once; keep what they pass over. Return what branches are taken."""

    def work() -> int:
        measured = coverage.Coverage(
            data_file=str(told / "lines"),
            branch=True,
            include=[f"{copy / r}{'' if r.endswith('.py') else '/*'}" for r in roots],
        )
        contexts = Contexts(measured)
        measured.start()
        code = tested(tests, contexts)
        measured.stop()
        measured.save()
        (told / "took").write_text(json.dumps(contexts.took))
        measured.json_report(outfile=str(told / "report"))
        return code

    if forked(copy, work, 3_600):
        return None
    report: dict[str, Any] = json.loads((told / "report").read_bytes())
    for name, file in report["files"].items():
        if missing := file["missing_branches"]:
            print(f"  not taken: {name}: {' '.join(f'{a}-{b}' for a, b in missing)}")
    totals = report["totals"]
    share = totals["covered_branches"] / max(totals["num_branches"], 1)
    return f"{share:.1%} of {totals['num_branches']} branches"


def read_passed(copy: Path, told: Path) -> Passed:
    """Return what `passed_over` has kept."""
    kept = coverage.CoverageData(str(told / "lines"))
    kept.read()
    lines = {
        str(Path(name).relative_to(copy)): kept.contexts_by_lineno(name)
        for name in kept.measured_files()
    }
    return Passed(lines, json.loads((told / "took").read_bytes()))


def found(copy: Path, module: str, number: int, passed: Passed) -> bool:
    """Change one place, run what passes over it, put it back; say whether a test failed."""
    path = copy / module
    whole, times = path.read_text(), path.stat()
    tree = ast.parse(whole)
    node, how = list(places(tree))[number]
    tests = passed.tests(module, node)
    change(node, how)
    path.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    limit = LEAST_S + 5 * sum(passed.took.get(test, 0.0) for test in tests)
    caught = bool(tests) and forked(copy, lambda: unwritten(tests), limit) != 0
    path.write_text(whole)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    if not caught:
        line = getattr(node, "lineno", 0)
        shown = whole.splitlines()[line - 1].strip()[:80]
        print(f"  survived: {module}:{line} {how}: {shown}", flush=True)
    return caught


def copied(copy: Path) -> Path:
    """Copy what the tests need; what is compiled stays, since time stamps do."""
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name)
        else:
            shutil.copy(ROOT / name, copy / name)
    compileall.compile_dir(str(copy / "cauldron"), quiet=1)
    return copy.resolve()


def modules(copy: Path, roots: list[str]) -> Iterator[str]:
    """Yield the modules of a layer."""
    for root in roots:
        found = [copy / root] if root.endswith(".py") else sorted((copy / root).glob("*.py"))
        yield from (str(path.relative_to(copy)) for path in found)


def score(copies: list[Path], layer: str, many: int, seed: int, told: Path) -> str | None:
    """Return what share of the mutants of a layer is found; None if its tests fail without any."""
    roots, tests = LAYERS[layer]
    branches = passed_over(copies[0], roots, tests, told)
    if branches is None:
        return None
    passed = read_passed(copies[0], told)
    listed = [
        (module, number)
        for module in modules(copies[0], roots)
        for number, _ in enumerate(places(ast.parse((copies[0] / module).read_text())))
    ]
    chosen = random.Random(seed).sample(listed, min(many, len(listed)))
    shares = [chosen[k :: len(copies)] for k in range(len(copies))]

    def caught_in(copy: Path, own: list[tuple[str, int]]) -> int:
        return sum(found(copy, module, number, passed) for module, number in own)

    with ThreadPoolExecutor(len(copies)) as pool:
        caught = sum(pool.map(caught_in, copies, shares))
    shown = f"{caught} of {len(chosen)} found, {caught / max(len(chosen), 1):.0%}"
    return f"{shown}; {len(listed)} places; {branches}"


def main() -> int:
    """Print each survivor, and score and branches of each layer."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mutants", type=int, default=40, help="of each layer")
    options.add_argument("--layer", action="append", choices=sorted(LAYERS))
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--at-once", type=int, default=2)
    told = options.parse_args()
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mutation-", dir=place) as folder:
        copies = [copied(Path(folder, str(number))) for number in range(told.at_once)]
        for layer in told.layer or LAYERS:
            said = score(copies, layer, told.mutants, told.seed, Path(folder))
            if said is None:
                print(f"{layer}: its tests fail before anything is changed")
                return 1
            print(f"{layer}: {said}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
