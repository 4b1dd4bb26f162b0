"""The shape of the project: who may import whom, and how large a thing may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "instancecap"
PACKAGE_FILES = sorted(SOURCE.rglob("*.py"))
ALL_FILES = [
    *PACKAGE_FILES,
    *(path for name in ("benchmarks", "examples", "tests") for path in (ROOT / name).rglob("*.py")),
]

MAY_IMPORT = {
    "errors": set(),
    "schema": {"errors"},
    "video": {"errors"},
    "models": {"errors", "schema.vocabulary", "video"},
    "mllm": {"errors", "schema", "video"},
    "evidence": {"errors", "schema", "video", "models"},
    "captioning": {"errors", "schema", "video", "models", "mllm", "evidence"},
    "render": {"errors", "schema", "mllm"},
}
"""Parts that imports point out of one way only; the parts not named here may use every other."""

HEAVY = {"diffusers", "gradio", "matplotlib", "ray", "torch", "transformers"}
"""Packages of the extras: imported inside the function that needs them."""

LINES_PER_FILE, LINES_PER_FUNCTION = 450, 70
"""A guard against growth; the aim is a screenful or a few, and a screen."""


def module_of(path: Path) -> str:
    """Dotted name below ``instancecap``, such as ``video.probe``; empty for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in ``tree``, relative imports aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a thing comes from"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def without_functions(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when the module is imported, type checkers' branches aside."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        if any(blocks):
            for block in blocks:
                yield from without_functions(block)
            for handler in getattr(node, "handlers", []):
                yield from without_functions(handler.body)
        else:
            yield node


def allowed(target: str, allowances: set[str]) -> bool:
    """Whether ``target``, such as ``schema.caption.Caption``, lies in an allowed part."""
    return any(f"{target}.".startswith(f"{one}.") for one in allowances)


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: module_of(path) or "instancecap")
def test_imports_point_one_way(path: Path) -> None:
    module = module_of(path)
    part = module.split(".")[0]
    ours = [
        name.removeprefix("instancecap.")
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name.startswith("instancecap.")
    ]
    if part in MAY_IMPORT:
        wrong = [name for name in ours if not allowed(name, {part, *MAY_IMPORT[part]})]
        assert not wrong, f"{part} may import {sorted(MAY_IMPORT[part])} only"
    if part not in ("cli", "__main__"):
        assert not [name for name in ours if allowed(name, {"cli"})], "nothing imports cli"


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: module_of(path) or "instancecap")
def test_heavy_packages_wait_until_they_are_used(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import = {
        name.split(".")[0] for node in without_functions(tree.body) for name in imports(node)
    }
    assert not at_import & HEAVY
    if module_of(path) != "engine.ray":
        assert "ray" not in {name.split(".")[0] for name in imports(tree)}


def test_the_import_rules_can_fail() -> None:
    tree = ast.parse(
        "try:\n    import torch.nn\nexcept ImportError:\n    pass\ndef f():\n    import ray"
    )
    (top, _) = without_functions(tree.body)
    assert list(imports(top)) == ["torch.nn"]
    assert set(imports(tree)) == {"torch.nn", "ray"}
    assert allowed("schema.vocabulary.Place", {"schema.vocabulary"})
    assert not allowed("schema.caption.Caption", {"schema.vocabulary"})
    assert not allowed("videos", {"video"})


@pytest.mark.parametrize("path", ALL_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_PER_FILE
    if path.is_relative_to(ROOT / "tests"):
        return  # a table of cases may be long
    long = [
        f"{node.name}: {node.end_lineno - node.body[0].lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.body[0].lineno >= LINES_PER_FUNCTION  # options are no code
    ]
    assert not long


def test_exactly_one_distribution_provides_cv2() -> None:
    providers = sorted(set(packages_distributions()["cv2"]))
    assert len(providers) == 1, f"{providers} overwrite one another's files"


def test_importing_the_package_is_quick() -> None:
    program = (
        "import sys, instancecap; dir(instancecap);"
        "print(*{'av', 'cv2', 'numpy', 'pydantic', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")


def test_every_public_name_can_be_had() -> None:
    import instancecap

    for name in instancecap.__all__:
        assert getattr(instancecap, name).__name__ == name
    assert set(instancecap.__all__) <= set(dir(instancecap))
    with pytest.raises(AttributeError, match="module 'instancecap' has no attribute 'captoin'"):
        instancecap.captoin  # noqa: B018


def test_the_program_is_installed_under_its_name() -> None:
    (program,) = (one for one in entry_points(group="console_scripts") if one.name == "instancecap")
    assert program.value == "instancecap.cli.main:main"
