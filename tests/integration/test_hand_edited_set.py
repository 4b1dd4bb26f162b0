"""What a person wrote stays through captioning, checking, rendering, export, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.captions import read_captions
from instancecap.schema import Caption
from tests.engine.outputs import edit
from tests.program import Run

MakeVideo = Callable[..., Path]

EDITS = {
    "/global_description": "HANDMADE A paper lantern swings over a quiet yard.",
    "/background": "A brick wall with moss in its joints.",
    "/instances/0/appearance": "A red lantern of paper with a black rim.",
}


def change(document: dict[str, Any]) -> None:
    """What a person does to a caption in an editor."""
    document["global_description"] = EDITS["/global_description"]
    document["background"] = EDITS["/background"]
    lantern = {"id": 0, "class": "lantern", "appearance": EDITS["/instances/0/appearance"]}
    document["instances"] = [lantern, *document["instances"][1:]]


def edits_in(caption: Caption | None) -> dict[str, Any]:
    """What a caption has where it was edited."""
    assert caption is not None
    leaves = caption.leaves()
    id = caption.instances[0].id
    return {one: leaves.get(one.replace("/instances/0/", f"/instances/{id}/")) for one in EDITS}


def captions_of(out: Path) -> dict[str, Caption | None]:
    return {row.name: row.caption for row in read_captions([str(out)])}


@pytest.mark.parametrize("kind", ["out", "out.jsonl", "out.parquet"])
def test_a_hand_edited_set_goes_through_everything(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None, kind: str
) -> None:
    for name in "ab":
        make_video(tmp_path / "clips" / f"{name}.mp4", frames=9)
    out, clips = tmp_path / kind, tmp_path / "clips"

    def done(*arguments: str | Path) -> str:
        ran = run(*arguments)
        assert ran.status == 0, ran.err
        return ran.out + ran.err

    done("caption", clips, "--out", out)
    edit(out, change, "a.mp4")
    for more in ((), ("--max-instances", "5"), ("--no-resume",)):  # the same again, and anew
        done("caption", clips, "--out", out, *more)
        found = captions_of(out)
        assert edits_in(found["a.mp4"]) == EDITS
        sources = {one.source for one in found["a.mp4"].provenance.values()}  # type: ignore[union-attr]
        assert "human" in sources

    run("verify", out, "--out", tmp_path / "verified")
    assert edits_in(captions_of(tmp_path / "verified")["a.mp4"]) == EDITS

    # A prompt joins the sentences, so that articles may lose their capital.
    kept = [text.split(maxsplit=2)[2].rstrip(".") for text in EDITS.values()]
    prompts = done("render", tmp_path / "verified", "--for", "wan2.2")
    assert all(text in prompts for text in kept)

    verified, pipe = tmp_path / "verified", tmp_path / "diffusion-pipe"
    done("export", verified, "--for", "diffusion-pipe", "--target", "wan2.2", "--out", pipe)
    # A caption that says nothing is no answer to learn; the edited one is.
    ran = run("export", verified, "--for", "llama-factory", "--out", tmp_path / "llama-factory")
    assert ran.status == 1 and "b.mp4.json: the caption says nothing" in ran.err
    (text,) = json.loads((tmp_path / "diffusion-pipe/videos/captions.json").read_text())["a.mp4"]
    assert all(one in text for one in kept)

    # Back: the export's structured answers, and other formats, are read as captions again.
    answers = captions_of(tmp_path / "llama-factory" / "data.jsonl").values()
    assert EDITS in map(edits_in, answers)
    for format in ("instancevid", "instancecap", "skycaptioner"):
        back = tmp_path / f"{format}.jsonl"
        done("convert", tmp_path / "verified", "--to", format, "--out", back)
        wanted = dict(EDITS)
        if format == "skycaptioner":  # it has no text about the whole
            wanted["/global_description"] = None
        found = captions_of(back)
        assert edits_in(found.get("a.mp4") or found[f"{format}-1"]) == wanted
