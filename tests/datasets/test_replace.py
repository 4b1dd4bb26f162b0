"""Find and replace over captions, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.replace import (
    Change,
    Replacement,
    free_texts,
    replace_all,
    replace_in,
    undo,
)
from instancecap.errors import FormatError, UsageError
from instancecap.schema.caption import Camera, Caption, Claim, Instance, Provenance
from tests.strategies import captions


def caption() -> Caption:
    woman = Instance(
        id=3, name="the woman in red", class_="person", appearance="A woman. Woman of the year."
    )
    claim = Claim(field="/instances/3/appearance", says="x", support="supported", confidence=0.9)
    other = Claim(field="/background", says="y", support="supported", confidence=0.9)
    return Caption(
        video=None,
        global_description="The woman is womanly; THE  WOMAN walks.",
        background="A park.",
        instances=[woman],
        camera=Camera(motion=["pan_left"], description="The camera pans left."),
        claims=[claim, other],
        provenance={
            "/global_description": Provenance(source="m", confidence=0.5, support="unchecked")
        },
    )


def test_whole_words_are_found_whatever_their_case_and_spaces() -> None:
    changed, changes = replace_in(caption(), Replacement(find="the woman", replace="the lady"))
    assert changed.global_description == "The lady is womanly; The lady walks."
    assert changed.instances[0].name == "the lady in red"
    assert [one.pointer for one in changes] == ["/global_description", "/instances/3/name"]
    assert changed.provenance["/global_description"].source == "human"


def test_words_of_a_vocabulary_are_no_texts() -> None:
    rule = Replacement(find="pan_left", replace="around")
    assert replace_in(caption(), rule) == (caption(), ())
    assert "/camera/motion" not in free_texts(caption())
    assert "/instances/3/class" in free_texts(caption())


def test_claims_of_a_changed_text_go_and_come_back() -> None:
    changed, changes = replace_in(caption(), Replacement(find="woman", fields=("appearance",)))
    assert changed.instances[0].appearance == "A. Of the year."
    assert [one.field for one in changed.claims] == ["/background"]
    assert undo(changed, changes) == caption()


def test_a_field_is_named_by_itself_or_by_what_holds_it() -> None:
    rule = Replacement(find="left", replace="right", fields=("camera",), match_case=True)
    changed, _ = replace_in(caption(), rule)
    assert changed.camera.description == "The camera pans right."
    assert changed.camera.motion == ["pan_left"]


def test_undo_refuses_what_was_changed_again() -> None:
    changed, changes = replace_in(caption(), Replacement(find="park", replace="garden"))
    changed.background = "A wood."
    with pytest.raises(FormatError, match="/background: was changed again"):
        undo(changed, changes)


def test_a_change_that_makes_no_caption_is_refused() -> None:
    two = caption()
    two.instances.append(Instance(id=4, name="the lady in red", class_="person"))
    with pytest.raises(FormatError, match="instance names must differ"):
        replace_in(two, Replacement(find="woman", replace="lady"))
    with pytest.raises(UsageError, match="give a word"):
        Replacement(find=" ")
    with pytest.raises(UsageError, match=r"field 'apperance': a caption has none; .*appearance"):
        Replacement(find="woman", fields=("apperance",))


def test_a_change_goes_through_json() -> None:
    changed, changes = replace_in(caption(), Replacement(find="woman", replace="lady"))
    again = [Change.model_validate_json(one.model_dump_json()) for one in changes]
    assert undo(changed, again) == caption()


@given(captions, st.data())
def test_replace_then_undo_is_the_identity(one: Caption, data: st.DataObject) -> None:
    words = [word for text in free_texts(one).values() for word in str(text).split()]
    find = data.draw(st.sampled_from(words)) if words else "a"
    rule = Replacement(find=find, replace=data.draw(st.text(max_size=8)))
    try:
        changed, changes = replace_in(one, rule)
    except FormatError:
        return  # two names became one, or a text is what JSON cannot hold
    assert undo(changed, changes) == one
    assert bool(changes) == (changed != one)


def test_a_set_is_looked_at_first_and_written_elsewhere(tmp_path: Path) -> None:
    source = tmp_path / "captions"
    source.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (source / f"{name}.json").write_text(caption().to_json())
    (source / "c.mp4.json").write_text("[]")
    seen: list[str] = []
    failed: list[str] = []
    rule = Replacement(find="park", replace="garden")
    done = replace_all(
        [str(source)],
        rule,
        on_change=lambda name, change: seen.append(f"{name} {change.after}"),
        on_failure=lambda where, why: failed.append(where),
    )
    assert seen == ["a.mp4 A garden.", "b.mp4 A garden."] and done.outputs == []
    out = tmp_path / "out"
    replace_all([str(source)], rule, out=str(out))
    assert json.loads((out / "a.mp4.json").read_text())["background"] == "A garden."
    assert json.loads((source / "a.mp4.json").read_text())["background"] == "A park."
    with pytest.raises(UsageError, match="write over"):
        replace_all([str(source)], rule, out=str(source))


@pytest.mark.parametrize(
    ("find", "to", "before", "after"),
    [
        ("animal", "cat", "An animal, large. Then an animal.", "A cat, large. Then a cat."),
        ("car", "automobile", "A car; the car.", "An automobile; the automobile."),
        ("orange", "", "An orange dog.", "A dog."),
    ],
)
def test_an_article_goes_with_the_new_word(find: str, to: str, before: str, after: str) -> None:
    assert Replacement(find=find, replace=to).apply(before) == after
