"""One rule for several experts: who leads, what agreement and disagreement do, what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence import reliability
from instancecap.evidence.merging import merge, pool
from instancecap.evidence.reliability import Tally
from instancecap.schema.evidence import Evidence, Opinion
from tests.made import evidence, thing

NOTHING = Tally(), Tally(), Tally(), Tally()
FIGURES = {
    "careful": {"class": (Tally(), Tally(), Tally(), Tally(99, 100))},
    "sound": {"class": (Tally(), Tally(), Tally(), Tally(90, 100))},
    "other": {"class": (Tally(), Tally(), Tally(), Tally(90, 100))},
    "poor": {"class": (Tally(), Tally(), Tally(), Tally(30, 100))},
    "few": {"class": (Tally(), Tally(), Tally(), Tally(19, 19))},
}
"""Right of all, bin by bin of confidence; whoever is not here was not measured."""


@pytest.fixture(autouse=True, scope="module")
def _figures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reliability, "tallies", lambda expert="": FIGURES.get(expert, {}))
        yield


def say(expert: str, value: str, confidence: float = 0.9) -> Opinion:
    return Opinion(kind="class", value=value, confidence=confidence, expert=expert)


opinions = st.lists(
    st.builds(
        say,
        st.sampled_from([*FIGURES, "new", "newer"]),
        st.sampled_from(["dog", "cat", "horse"]),
        st.floats(0, 1),
    ),
    min_size=1,
    max_size=6,
)


@given(opinions, st.randoms(use_true_random=False))
def test_the_order_of_the_experts_does_not_matter(said: list[Opinion], random: object) -> None:
    mixed = list(said)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert merge(mixed) == merge(said)


@given(opinions)
def test_what_holds_was_said_and_all_that_was_said_is_kept(said: list[Opinion]) -> None:
    merged = merge(said)
    assert merged.value in {one.value for one in said}
    assert 0 <= merged.confidence <= 1
    assert len(merged.opinions) == len(said)
    assert all(one.holds == (one.value == merged.value) for one in merged.opinions)
    assert {one.value for one in merged.lost} == {one.value for one in said} - {merged.value}


@given(opinions, st.sampled_from([*FIGURES, "new"]), st.floats(0, 1))
def test_agreement_never_lowers(said: list[Opinion], expert: str, confidence: float) -> None:
    before = merge(said)
    after = merge([*said, say(expert, before.value, confidence)])
    assert after.value == before.value
    assert after.confidence >= before.confidence - 1e-12


@given(opinions)
def test_who_was_not_measured_never_overrules_who_was(said: list[Opinion]) -> None:
    measured = {"careful", "sound", "other", "poor"}
    known = [one for one in said if one.expert in measured]
    if known:
        assert merge(said).value == merge(known).value
        assert merge(said).confidence >= merge(known).confidence - 1e-12


@given(opinions)
def test_no_more_than_half_of_the_doubt_or_of_the_confidence_is_taken(said: list[Opinion]) -> None:
    merged = merge(said)
    surest = max(one.confidence for one in said if one.value == merged.value)
    assert surest / 2 - 1e-12 <= merged.confidence <= (1 + surest) / 2 + 1e-12


@given(st.sampled_from([*FIGURES, "new"]), st.floats(0, 1))
def test_a_lone_opinion_stays_as_it_is(expert: str, confidence: float) -> None:
    merged = merge([say(expert, "dog", confidence)])
    assert (merged.value, merged.confidence) == ("dog", confidence)
    assert merged.opinions == (say(expert, "dog", confidence),)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ([say("careful", "dog"), say("sound", "cat")], "dog"),
        ([say("poor", "dog"), say("new", "cat", 1.0)], "dog"),
        ([say("few", "dog"), say("sound", "cat", 0.86)], "cat"),  # 19 facts are too few to count
        ([say("new", "dog", 0.6), say("newer", "cat", 0.5)], "dog"),
        # Two that are alike are believed no further than where half of their doubt is gone.
        ([say("careful", "dog"), say("sound", "cat"), say("other", "cat")], "dog"),
        ([say("poor", "dog"), say("poor", "dog"), say("sound", "cat")], "cat"),
    ],
)
def test_measured_precision_leads(said: Sequence[Opinion], value: str) -> None:
    assert merge(said).value == value


def test_conflicts_cost_confidence_only_where_the_other_one_counts() -> None:
    alone = merge([say("sound", "dog", 0.9)]).confidence
    against_new = merge([say("sound", "dog", 0.9), say("new", "cat", 0.99)])
    assert against_new.confidence == alone
    assert [one.value for one in against_new.lost] == ["cat"]
    against_sound = merge([say("careful", "dog", 0.9), say("sound", "cat", 0.86)])
    assert against_sound.confidence == pytest.approx(0.5943, abs=1e-3)  # odds of 9 over 6.14
    assert merge([say("careful", "dog", 0.9), say("sound", "cat", 0.99)]).confidence == 0.45


def test_agreement_by_independent_odds_up_to_half_the_doubt() -> None:
    assert pool([0.6, 0.6]) == pytest.approx(0.6923, abs=1e-4)
    assert pool([0.8, 0.8]) == pytest.approx(0.9)  # 0.94 by the odds
    assert pool([0.8, 0.3]) == 0.8
    assert pool([0.3]) == pytest.approx(0.3)
    # A stranger's certainty counts for 0.7 beside others'.
    assert merge([say("sound", "dog", 0.55), say("new", "dog", 0.6)]).confidence == pytest.approx(
        0.6471, abs=1e-4
    )


def test_opinions_of_one_fact_alone_are_merged() -> None:
    with pytest.raises(ValueError, match="of one fact"):
        merge([])
    with pytest.raises(ValueError, match="'class', 'shot_type'"):
        merge([say("sound", "dog"), Opinion(kind="shot_type", value="x", confidence=1, expert="y")])


def test_opinions_stand_in_the_document_only_where_there_are_any() -> None:
    document = evidence(thing())
    assert "opinions" not in document.to_json()
    document.opinions = [say("sound", "dog")]
    document.instances[0].opinions = [say("new", "cat")]
    read = Evidence.from_json(document.to_json())
    assert read == document
