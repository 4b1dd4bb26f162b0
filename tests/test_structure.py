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
    *(
        path
        for name in ("benchmarks", "examples", "recipes", "tests")
        for path in (ROOT / name).rglob("*.py")
    ),
]

BASE = {"errors", "version", "schema", "language", "video", "io"}

MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "schema": {"errors", "io.atomic"},  # a document is written whole or not at all
    "language": {"errors", "schema"},
    "video": {"errors", "schema"},
    "io": BASE,
    "formats": {"errors", "schema", "language"},
    "models": {"errors", "schema", "video"},
    "mllm": BASE | {"formats"},
    "evidence": BASE | {"models"},
    "verify": BASE | {"models", "evidence", "formats", "mllm"},
    "captioners": BASE | {"models", "evidence", "formats", "mllm", "verify"},
    "render": {"errors", "schema", "language", "formats", "verify", "mllm"},
    "enhance": {"errors", "version", "schema", "language", "formats", "verify", "mllm", "render"},
    "datasets": BASE | {"evidence", "formats", "render", "verify"},
    # Curated and counted on the engine, and shown on a page: above those that read captions.
    "datasets.curation": BASE | {"evidence", "formats", "datasets", "engine", "web"},
    "datasets.positions": BASE | {"evidence", "formats", "verify", "datasets"},
    "datasets.release": BASE | {"version", "formats", "render", "datasets", "web"},
    "datasets.statistics": BASE | {"formats", "render", "datasets", "web"},
    "evals": BASE
    | {"models", "evidence", "formats", "mllm", "render", "verify", "datasets", "engine", "web"},
    "engine": BASE
    | {"models", "evidence", "formats", "mllm", "verify", "captioners", "datasets", "enhance"},
    "web": BASE
    | {"api", "models", "evidence", "formats", "mllm", "verify", "captioners", "render", "enhance"}
    | {"datasets", "engine", "evals"},
    "api": BASE
    | {"evidence", "formats", "mllm", "verify", "captioners", "render", "enhance", "engine", "web"},
    "teachers": BASE | {"api", "captioners", "engine", "evidence", "formats", "mllm"},
    "cli": None,
}
"""What each part may import beside itself; None for everything. Every part stands here; a part of
a part, such as ``datasets.curation``, may have a row of its own."""

HEAVY = {"diffusers", "matplotlib", "ray", "torch", "transformers"}
"""Packages of the extras: imported inside the function that needs them."""

LINES_PER_FILE, LINES_PER_FUNCTION = 400, 60
"""A few screenfuls, and a screen."""


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


def part_of(module: str) -> str:
    """The row of :data:`MAY_IMPORT` that a module falls under."""
    first, _, rest = module.partition(".")
    inner = f"{first}.{rest.partition('.')[0]}"
    return inner if inner in MAY_IMPORT else first


def allowed(target: str, allowances: set[str]) -> bool:
    """Whether ``target``, such as ``schema.caption.Caption``, lies in an allowed part."""
    return any(f"{target}.".startswith(f"{one}.") for one in allowances)


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: module_of(path) or "instancecap")
def test_imports_point_one_way(path: Path) -> None:
    module = module_of(path)
    part = part_of(module)
    ours = [
        name.removeprefix("instancecap.")
        for name in imports(ast.parse(path.read_text(encoding="utf-8")))
        if name.startswith("instancecap.")
    ]
    if part not in ("", "__main__"):
        allowances = MAY_IMPORT[part]
        if allowances is not None:
            wrong = [name for name in ours if not allowed(name, {part, *allowances})]
            assert not wrong, f"{part} may import {sorted(allowances)} only"
    if part not in ("cli", "__main__"):
        assert not [name for name in ours if allowed(name, {"cli"})], "nothing imports cli"


def imported_files(path: Path) -> set[str]:
    """The modules of this package that the file imports, inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("instancecap"):
            base = (node.module or "").removeprefix("instancecap").removeprefix(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".removeprefix(".")
                found.add(inner if inner in MODULES else base)
        elif isinstance(node, ast.Import):
            names = [alias.name.removeprefix("instancecap.") for alias in node.names]
            found |= {name for name in names if name in MODULES}
    return found - {module_of(path), ""}


MODULES = {module_of(path): path for path in PACKAGE_FILES}


def test_no_file_imports_itself_by_way_of_others() -> None:
    ahead = {name: imported_files(path) for name, path in MODULES.items()}
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
    assert not find_cycle(ahead)


def find_cycle(ahead: dict[str, set[str]]) -> list[str]:
    """One way round from a module back to itself; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for following in sorted(ahead.get(name, ())):
                if found := walk(following, [*path, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(ahead) if (found := walk(name, []))), [])


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
