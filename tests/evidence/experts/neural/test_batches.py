"""Batches on a GPU: halved where memory does not suffice, and the CPU where nothing else helps."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.experts.neural.batches import AT_ONCE, Batches


class TooMuch(RuntimeError):
    """What the fake GPU says."""


class Model:
    """A network on a GPU, that may be moved."""

    def __init__(self, device: str = "cuda") -> None:
        self.device = SimpleNamespace(type=device)
        self.moved = ""

    def to(self, device: str) -> Model:
        self.device = SimpleNamespace(type=device)
        return self

    def float(self) -> Model:
        self.moved = f"{self.device.type}, float"
        return self


def network(room: int, device: str = "cuda") -> tuple[Model, Batches, list[int]]:
    """One whose GPU holds ``room`` pictures, and the sizes of the batches that it answered."""
    model = Model(device)
    return model, Batches(model, out_of_memory=TooMuch, name="it"), []


@given(room=st.integers(0, 12), count=st.integers(0, 40))
def test_every_picture_is_answered_in_order_whatever_fits(room: int, count: int) -> None:
    model, batches, sizes = network(room)

    def answer(pictures: Sequence[int]) -> list[int]:
        if model.device.type == "cuda" and len(pictures) > room:
            raise TooMuch
        sizes.append(len(pictures))
        return [10 * picture for picture in pictures]

    assert batches.ask(answer, range(count)) == [10 * one for one in range(count)]
    if room:
        assert not model.moved
        assert all(size <= min(room, AT_ONCE) for size in sizes)
    elif count:
        assert model.moved == "cpu, float"
    warnings = batches.take_warning()
    assert len(warnings) == (min(count, AT_ONCE) > room)
    assert batches.take_warning() == [], "what happened is told once"
    assert batches.ask(answer, range(3)) == [0, 10, 20]


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (4, "it: out of GPU memory; sees 4 pictures at a time from here on"),
        (1, "it: out of GPU memory; sees 1 picture at a time from here on"),
        (0, "it: out of GPU memory; goes on on the CPU, which is slow"),
    ],
)
def test_one_line_says_what_was_done(room: int, words: str) -> None:
    model, batches, _ = network(room)

    def answer(pictures: Sequence[int]) -> Sequence[int]:
        if model.device.type == "cuda" and len(pictures) > room:
            raise TooMuch
        return pictures

    batches.ask(answer, range(10))
    assert batches.take_warning() == [words]


def test_on_the_cpu_one_at_a_time_and_what_fails_there_fails() -> None:
    _, batches, sizes = network(0, device="cpu")

    def answer(pictures: Sequence[int]) -> Sequence[int]:
        sizes.append(len(pictures))
        raise TooMuch("no memory at all")

    assert batches.size == 1
    with pytest.raises(TooMuch, match="no memory at all"):
        batches.ask(answer, range(10))
    assert sizes == [1]
