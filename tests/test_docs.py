"""What the documents say works: their commands run, their code runs, their links lead somewhere.

A fenced ``console`` block holds commands after ``$ ``; other lines show output. The commands of a
document run in one folder, in order, and must succeed. Each ``python`` block is a program of its
own. What sets the project up is only looked up: targets in the Makefile, extras in pyproject.toml.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from examples.demo import find_clips
from tests.mllm.server import serve

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
SETUP = re.compile(r"make |git clone |pip install |pre-commit ")

SERVER = "http://127.0.0.1:8000/v1"
"""Stands in the documents for the reader's own model server; here a small one answers."""

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    found = FENCE.findall(document.read_text(encoding="utf-8"))
    return [body for kind, body in found if kind == language]


def commands(document: Path) -> list[str]:
    """Commands of the console blocks; a line that ends in a backslash goes on."""
    text = "\n".join(blocks(document, "console")).replace("\\\n", "")
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a reader might have it: two clips, ``clip.mp4``, and recorded answers."""
    found = {path.name: path for path in find_clips()}
    (tmp_path / "clips").mkdir()
    shutil.copy(found["bikes.mp4"], tmp_path / "clips" / "bikes.mp4")
    shutil.copy(found["carphone_pristine.mp4"], tmp_path / "clips" / "carphone.mp4")
    shutil.copy(found["carphone_pristine.mp4"], tmp_path / "clip.mp4")
    for name in ("clip.jsonl", "prompts.jsonl"):
        shutil.copy(ROOT / "examples" / "recordings" / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This environment's programs first; weights where they are at hand; no network."""
    cache = str(tmp_path_factory.mktemp("cache"))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "INSTANCECAP_OFFLINE": "1", "XDG_CACHE_HOME": cache, "COLUMNS": "100"}
    if (weights := ROOT.parent / "shared" / "models").is_dir():
        own["INSTANCECAP_MODELS"] = str(weights)
    return {**os.environ, **own}


def run(program: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a program to its end; fails with what it wrote unless it succeeds."""
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{program[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@each_document
def test_commands_run(document: Path, folder: Path, environment: dict[str, str]) -> None:
    for command in commands(document):
        if SETUP.match(command):
            check_setup(command)
        elif SERVER in command:
            with serve(models=(re.findall(r"--mllm-model (\S+)", command)[0],)) as url:
                run(["bash", "-c", command.replace(SERVER, url)], folder, environment)
        else:
            run(["bash", "-c", command], folder, environment)


def check_setup(command: str) -> None:
    """A Makefile target, or an extra of the package, is there."""
    if command.startswith("make "):
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in command.split("#")[0].split()[1:]:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = extras["project"]["optional-dependencies"]
    for names in re.findall(r"(?:instancecap|\.)\[([\w,-]+)\]", command):
        assert set(names.split(",")) <= set(known), command


@each_document
def test_python_runs(document: Path, folder: Path, environment: dict[str, str]) -> None:
    for block in blocks(document, "python"):
        run([sys.executable, "-W", "error", "-c", block], folder, environment)


@each_document
def test_links_to_files_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for link in (first or second for first, second in LINK.findall(text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
            assert anchor in slugs, link


def test_documents_show_commands() -> None:
    assert ROOT / "README.md" in DOCUMENTS
    shown = commands(ROOT / "README.md")
    assert any(command.startswith("instancecap caption ") for command in shown)
    assert {"make demo", "make test"} <= {command.split(" #")[0].strip() for command in shown}


@pytest.mark.parametrize(
    "verb",
    [
        "caption",
        "evidence",
        "verify",
        "convert",
        "render",
        "enhance",
        "export",
        "dataset",
        "eval",
        "web",
        "status",
        "models",
        "doctor",
    ],
)
def test_every_option_is_documented(verb: str) -> None:
    import typer

    from instancecap.cli.main import build

    command = typer.main.get_command(build(verb)).commands[verb]  # type: ignore[attr-defined]
    page = {"dataset": "datasets", "eval": "evaluate"}.get(verb, "cli")
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    if page == "cli":
        text = text.split(f"\n## instancecap {verb}")[1].split("\n## ")[0]
    for name, parameters in leaves(verb, command):
        assert page == "cli" or f"instancecap {name}" in text
        for option in (one for parameter in parameters for one in parameter.opts):
            if option.startswith("--"):
                assert f"`{option}" in text, f"docs/{page}.md: instancecap {name} {option}"


def leaves(name: str, command: Any) -> Iterator[tuple[str, list[Any]]]:
    """A verb and its parameters, or those of every verb of its group."""
    inner = getattr(command, "commands", None)
    if inner is None or name == "models":
        yield name, command.params
    for word, one in (inner or {}).items():
        yield from leaves(f"{name} {word}", one)
