"""How many small faults the tests find: `python tools/mutation.py [--mutants 40] [--layer NAME]`.

One place of a module is changed at a time (a comparison, a sum, a condition, a number, a returned
value), in a copy of the repository, and the tests of its layer run. The places are drawn by seed
from all there are, so that a short run is a fair sample; the score is the share that a test found.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = {
    "sample": (["cauldron/sample.py"], ["tests/test_sample_table.py", "tests/test_ingest.py"]),
    "storage": (["cauldron/storage"], ["tests/storage", "tests/test_ingest.py"]),
    "curate": (["cauldron/curate"], ["tests/curate"]),
    "mixture": (["cauldron/mixture"], ["tests/mixture", "tests/test_mixing.py"]),
}
COPIED = ("cauldron", "tests", "data_cards", "recipes", "docs", "pyproject.toml")
SWAPS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.And: ast.Or,
    ast.Or: ast.And, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


def places(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield what can be changed, and how."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield node, "compare"
        elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
            yield node, "operator"
        elif isinstance(node, ast.If | ast.IfExp):
            yield node, "condition"
        elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
            yield node, "constant"
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node, "return"


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


def found(copy: Path, tests: list[str]) -> bool:
    """Run tests in the copy; say whether one failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow"]
    try:
        done = subprocess.run(
            [*command, *tests], cwd=copy, capture_output=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> int:
    """Print each survivor and the score of each layer."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mutants", type=int, default=40, help="of each layer")
    options.add_argument("--layer", action="append", choices=sorted(LAYERS))
    options.add_argument("--seed", type=int, default=0)
    told = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copy = Path(folder) / "copy"
        copy.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, copy / name)
            else:
                shutil.copy(ROOT / name, copy / name)
        for layer in told.layer or LAYERS:
            roots, tests = LAYERS[layer]
            if found(copy, tests):
                print(f"{layer}: its tests fail before anything is changed")
                return 1
            listed = [
                (module, number)
                for module in (copy / path for path in _modules(copy, roots))
                for number, _ in enumerate(places(ast.parse(module.read_text())))
            ]
            chosen = random.Random(told.seed).sample(listed, min(told.mutants, len(listed)))
            caught = sum(_tried(copy, module, number, tests) for module, number in chosen)
            share = caught / max(len(chosen), 1)
            shown = f"{caught} of {len(chosen)} found, {share:.0%}; {len(listed)} places"
            print(f"{layer}: {shown}", flush=True)
    return 0


def _modules(copy: Path, roots: list[str]) -> Iterator[Path]:
    for root in roots:
        yield from [copy / root] if root.endswith(".py") else sorted((copy / root).glob("*.py"))


def _tried(copy: Path, module: Path, number: int, tests: list[str]) -> bool:
    whole = module.read_text()
    tree = ast.parse(whole)
    node, how = list(places(tree))[number]
    change(node, how)
    module.write_text(ast.unparse(ast.fix_missing_locations(tree)))
    caught = found(copy, tests)
    module.write_text(whole)
    if not caught:
        line = getattr(node, "lineno", 0)
        shown = whole.splitlines()[line - 1].strip()
        print(f"  survived: {module.relative_to(copy)}:{line} {how}: {shown[:90]}", flush=True)
    return caught


if __name__ == "__main__":
    raise SystemExit(main())
