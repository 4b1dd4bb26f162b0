"""Preference pairs: the sentence as it was, and one that the evidence supports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from instancecap.cli.main import build
from instancecap.datasets.preferences import candidates_of, correct, pairs_of
from instancecap.schema.caption import Caption, Instance, Position, Video
from instancecap.verify.check import verify
from instancecap.verify.report import Report
from tests.made import camera, evidence, thing

FACTS = evidence(
    thing("dog", (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right",
          speed=0.2, colors=[("brown", 0.7)]),
    camera=camera("static"),
)  # fmt: skip


def caption(action: str, **parts: object) -> Caption:
    dog = Instance(
        id=0, name="the dog", class_="dog", category="animal", appearance="It is brown.",
        action=action, position=Position(start="center-left", end="center-right"),
    )  # fmt: skip
    given = {"instances": [dog], "global_description": "A dog runs in a park.", **parts}
    return Caption(video=Video.named("in/made.mp4"), **given)  # type: ignore[arg-type]


def test_a_wrong_word_is_swapped_for_the_one_that_is_right() -> None:
    one = caption("The dog is on the right at the start. It barks.")
    fixed, made = correct(one, FACTS, verify(one, FACTS))
    assert fixed.instances[0].action == "The dog is on the left at the start. It barks."
    assert [(each.before, each.after) for each in made] == [
        ("The dog is on the right at the start.", "The dog is on the left at the start.")
    ]
    assert verify(fixed, FACTS).score == 1.0


def test_chosen_and_rejected_differ_in_one_sentence() -> None:
    one = caption(
        "The dog is on the right at the start.",
        global_description="A dog runs in a park. The dog leaves the frame.",
    )
    rows = pairs_of(one, FACTS, verify(one, FACTS))
    assert {row["evidence"]["rejected"] for row in rows} == {
        "The dog is on the right at the start.", "The dog leaves the frame.",
    }  # fmt: skip
    for row in rows:
        (chosen,), (rejected,) = row["chosen"], row["rejected"]
        good, bad = json.loads(chosen["content"]), json.loads(rejected["content"])
        assert row["evidence"]["rejected"] in rejected["content"]
        assert row["evidence"]["rejected"] not in chosen["content"]
        assert sum(good[key] != bad[key] for key in good) == 1
        assert row["prompt"][0]["role"] == "user" and row["videos"] == ["in/made.mp4"]
        assert row["evidence"]["measured"] and row["evidence"]["confidence"] > 0.5


def test_only_the_wrong_one_of_two_like_words_is_swapped() -> None:
    one = caption("On the right of a path, the dog is on the right at the start.")
    fixed, made = correct(one, FACTS, verify(one, FACTS))
    assert all(each.after.count("left") <= 1 for each in made)
    assert "contradicted" not in {each.support for each in verify(fixed, FACTS).claims}


def test_what_has_no_right_wording_is_taken_out() -> None:
    one = caption("It barks. The dog leaves the frame.")
    fixed, made = correct(one, FACTS, verify(one, FACTS))
    assert [(each.before, each.after) for each in made] == [("The dog leaves the frame.", "")]
    assert fixed.instances[0].action == "It barks."
    assert "contradicted" not in {each.support for each in verify(fixed, FACTS).claims}


def test_a_caption_that_is_right_gives_no_pair() -> None:
    one = caption("The dog runs to the right.")
    assert pairs_of(one, FACTS, verify(one, FACTS)) == []


def test_verify_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = caption("The dog is on the right at the start.")
    right = caption("The dog is on the left at the start.")
    for name, one in (("a.mp4", wrong), ("b.mp4", right)):
        (tmp_path / "captions").mkdir(exist_ok=True)
        (tmp_path / "captions" / f"{name}.json").write_text(one.to_json())
        (tmp_path / "evidence").mkdir(exist_ok=True)
        FACTS.write(tmp_path / "evidence" / f"{name}.json")
    out = tmp_path / "pairs.jsonl"
    command = ["verify", str(tmp_path / "captions"), "--evidence", str(tmp_path / "evidence")]
    with pytest.raises(SystemExit):
        build("verify")([*command, "--pairs", str(out), "--json"], prog_name="instancecap")
    assert json.loads(capsys.readouterr().out)["pairs"] == 1
    (row,) = map(json.loads, out.read_text().splitlines())
    assert (
        row["id"] == "a.mp4" and row["evidence"]["chosen"] == "The dog is on the left at the start."
    )


def test_what_is_chosen_is_not_disputed_and_is_english() -> None:
    found = list(candidates_of("At night, a black cat leaves.", []))
    assert "By day, a black cat leaves." in found
    assert "At night, an orange cat leaves." in found
    assert not any("At day" in one or "a orange" in one for one in found)


def test_a_wording_that_is_disputed_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    one = caption("The dog is on the right at the start. It barks.")
    report = verify(one, FACTS)

    def disputing(trial: Caption, facts: object) -> Report:
        found = verify(trial, FACTS)
        for finding in list(found.findings):
            claim = finding.claim.model_copy(update={"support": "disputed"})
            found.findings.append(replace(finding, claim=claim))
        return found

    monkeypatch.setattr("instancecap.datasets.preferences.verify", disputing)
    fixed, made = correct(one, FACTS, report)
    assert [each.after for each in made] == [""] and fixed.instances[0].action == "It barks."


def test_without_a_contradiction_the_file_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "captions").mkdir()
    right = caption("The dog is on the left at the start.")
    (tmp_path / "captions" / "b.mp4.json").write_text(right.to_json())
    (tmp_path / "evidence").mkdir()
    FACTS.write(tmp_path / "evidence" / "b.mp4.json")
    out = tmp_path / "pairs.jsonl"
    out.write_text("of an earlier run\n")
    command = ["verify", str(tmp_path / "captions"), "--evidence", str(tmp_path / "evidence")]
    with pytest.raises(SystemExit):
        build("verify")([*command, "--pairs", str(out)], prog_name="instancecap")
    assert out.read_text() == ""
    assert "preference pairs: none" in capsys.readouterr().err
