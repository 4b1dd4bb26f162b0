"""Real models with random weights: in this process, and behind the server of transformers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from instancecap.errors import MissingDependency, ServerError
from instancecap.mllm.base import Reply
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.probes import KEEPS_SCHEMA
from instancecap.mllm.schemas import answer_schema
from instancecap.mllm.structured import Asked, ask
from instancecap.mllm.transformers import TransformersBackend
from tests.mllm.questions import Described, question, run

# What other packages warn of is theirs.
pytestmark = pytest.mark.filterwarnings("default")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    backend = TransformersBackend(model="any")
    with pytest.raises(MissingDependency, match=r"need \w+: pip install 'instancecap\[models\]'"):
        run(backend.complete([question()]))
    run(backend.close())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers questions about images, with random weights."""
    import torch

    from tests.mllm import tiny

    torch.set_num_threads(1)  # such a small model waits for threads longer than it computes
    return tiny.build(tmp_path_factory.mktemp("tiny"))


class Free(BaseModel):
    """Nothing here has a bound."""

    text: str
    words: list[str]


@pytest.mark.models
@pytest.mark.parametrize("answer", [Described, Free])
def test_random_weights_give_valid_answers(model: Path, answer: type[BaseModel]) -> None:
    schema = answer_schema(answer)

    async def many() -> list[Reply]:
        backend = TransformersBackend(model=str(model), device="cpu", batch=4)
        requests = [
            question(f"What is {number}?", images=4, schema=schema, temperature=1.0, max_tokens=400)
            for number in range(6)
        ]
        replies = await backend.complete(requests)
        await backend.close()
        return [reply for reply in replies if isinstance(reply, Reply)]

    replies = run(many())
    assert len(replies) == 6
    for reply in replies:
        jsonschema.validate(answer.model_validate_json(reply.text).model_dump(), schema)
        assert (reply.finish, reply.model) == ("stop", str(model))
        assert 0 < reply.completion_tokens <= 400 < reply.prompt_tokens * 10
    assert len({reply.text for reply in replies}) == 6


@pytest.mark.models
def test_waiting_questions_are_answered_together(model: Path) -> None:
    batches: list[int] = []

    class Counting(TransformersBackend):
        def _generate(self, requests):  # type: ignore[no-untyped-def]
            batches.append(len(requests))
            return super()._generate(requests)

    async def many() -> list[Asked[Described]]:
        backend = Counting(model=str(model), device="cpu", batch=8)
        assert (await KEEPS_SCHEMA.of(backend))[0]
        requests = [question(f"{n}?", images=2, max_tokens=300, temperature=1.0) for n in range(9)]
        found = await asyncio.gather(*(ask(backend, one, Described) for one in requests))
        await backend.close()
        return found

    found = run(many())
    assert all(one.value is not None and not one.problem for one in found)
    assert max(batches) >= 7


@pytest.mark.models
def test_text_alone_and_free_answers_work(model: Path) -> None:
    async def some() -> list[Reply]:
        backend = TransformersBackend(model=str(model), device="cpu")
        requests = [question(images=0, max_tokens=5), question(max_tokens=5)] * 2
        replies = await backend.complete([*requests, question(max_tokens=7, penalty=1.2)])
        await backend.close()
        return [reply for reply in replies if isinstance(reply, Reply)]

    replies = run(some())
    assert [reply.completion_tokens for reply in replies] == [5, 5, 5, 5, 7]
    assert replies[0].text == replies[2].text  # the most likely answer, whatever else is asked
    assert {reply.finish for reply in replies} == {"length"}


@pytest.mark.models
def test_idefics3_works_as_well(tmp_path: Path) -> None:
    import transformers

    from tests.mllm import tiny

    folder = tiny.build(tmp_path, kind="idefics3")
    try:
        transformers.AutoProcessor.from_pretrained(folder)
    except ValueError as error:
        pytest.skip(f"this release of transformers wants torchvision for it: {error}"[:120])

    async def once() -> Reply:
        backend = TransformersBackend(model=str(folder), device="cpu")
        (reply,) = await backend.complete(
            [question(images=4, schema=answer_schema(Described), max_tokens=400, temperature=1.0)]
        )
        await backend.close()
        assert isinstance(reply, Reply)
        return reply

    assert Described.model_validate_json(run(once()).text)


@pytest.mark.models
def test_a_missing_model_is_named(tmp_path: Path) -> None:
    backend = TransformersBackend(model=str(tmp_path / "nothing"), device="cpu")
    with pytest.raises(MissingDependency, match="nothing cannot be loaded as a model"):
        run(backend.complete([question()]))
    run(backend.close())


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of ``transformers serve``."""
    from tests.mllm import tiny

    with tiny.serving(model, tmp_path_factory.mktemp("cache")) as url:
        yield url


@pytest.mark.models
def test_a_real_server_understands_us(served: str, model: Path) -> None:
    async def talk() -> None:
        backend = OpenAIBackend(urls=[served], model=str(model))
        (reply,) = await backend.complete([question(images=4, max_tokens=12)])
        assert isinstance(reply, Reply)
        assert (reply.finish, reply.completion_tokens) == ("length", 12)
        assert reply.prompt_tokens > 4 * 15  # the images are in it
        assert str(model) in reply.model
        # It takes a schema and ignores it; random weights cannot follow one in words either.
        assert not (await KEEPS_SCHEMA.of(backend))[0]
        found = await ask(backend, question(max_tokens=40), Described, attempts=2)
        assert (found.value, len(found.replies)) == (None, 2)
        assert found.problem.startswith("no whole answer (")
        await backend.close()

    run(talk())


@pytest.mark.models
def test_a_real_server_refuses_another_model(served: str) -> None:
    async def refused(url: str, name: str) -> str:
        backend = OpenAIBackend(urls=[url], model=name)
        with pytest.raises(ServerError) as error:
            await backend.complete([question(max_tokens=5)])
        await backend.close()
        return str(error.value)

    assert "no/such" in run(refused(served, "no/such"))
    assert run(refused(served[:-3], "any")).endswith(f"; try {served}")
