"""Which languages measured sentences are written in, and who asks for them."""

from __future__ import annotations

import pytest

import instancecap as ic
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.sentences import LANGUAGES, language_of, speaks
from instancecap.engine.work import CaptionWork
from instancecap.errors import ModelError, UsageError
from instancecap.schema.evidence import Evidence
from tests.captioners.chain.answering import Fake, ask_about
from tests.made import evidence, thing


def dog_and_car() -> Evidence:
    return evidence(
        thing("dog", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), moving=True, direction="right",
              speed=0.2, colors=[("brown", 0.7)]),
        thing("car", (0.0, 0.5, 0.2, 0.7), id=1),
    )  # fmt: skip


@pytest.mark.parametrize("tag", ["en", "EN", "en-GB", "en-Latn-US"])
def test_english_by_any_tag(tag: str) -> None:
    assert language_of(tag) is LANGUAGES["en"]


@pytest.mark.parametrize("tag", ["zh", "zh-CN", "zh-Hans", "zh-Hans-CN", "ZH-hans"])
def test_chinese_by_any_tag(tag: str) -> None:
    assert language_of(tag) is LANGUAGES["zh"]


@pytest.mark.parametrize("tag", ["fr", "", "-", "zho", "eng", "zhen", "english", "zh_CN"])
def test_another_language_is_refused_in_one_line(tag: str) -> None:
    assert not speaks(tag)
    for ask in (
        lambda: language_of(tag),
        lambda: describe(evidence(thing()), language=tag),
        lambda: ic.Measured(language=tag),
        lambda: CaptionWork(language=tag),
    ):
        with pytest.raises(UsageError, match=f"{tag!r}.*en or zh") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_the_measured_captioner_of_the_interface_speaks_chinese() -> None:
    facts = dog_and_car()
    told = ic.Measured(language="zh").describe(ic.Clip(path=""), facts, max_instances=3)
    assert told == describe(facts, language="zh")


# A model that is asked for another language ------------------------------------------------------


def unusable(_: object) -> ModelError:
    return ModelError("nothing usable")


def test_where_a_model_says_nothing_the_sentences_are_those_of_the_language() -> None:
    facts = dog_and_car()
    written = ask_about(facts, Fake(unusable), language="zh-CN").caption
    told = describe(facts, language="zh", all_facts=True)
    assert written.global_description == told.global_description
    assert written.instances == told.instances
    assert written.camera == told.camera
    assert any("global_description" in line and "as measured" in line for line in written.warnings)


def test_a_language_without_measured_sentences_is_not_mixed_with_another() -> None:
    facts = dog_and_car()
    written = ask_about(facts, Fake(unusable), language="fr").caption
    assert written.instances == without_sentences(describe(facts, all_facts=True)).instances
    assert written.global_description == written.camera.description == written.lighting == ""
    assert any("global_description" in one and "left empty" in one for one in written.warnings)
    assert written.provenance.keys() == written.leaves().keys()


def test_a_caption_that_is_rewritten_keeps_its_own_sentences() -> None:
    facts = dog_and_car()
    before = describe(facts, language="zh", all_facts=True)
    after = ask_about(
        facts, previous=before, language="zh", fields=frozenset(["background"])
    ).caption
    assert after.background == "Said of background."
    assert after.global_description == before.global_description
