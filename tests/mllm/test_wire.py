"""What is sent and what is read, without any server."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from instancecap.mllm.base import Message, Request, Video
from instancecap.mllm.dialect import Dialect
from instancecap.mllm.wire import parse_reply, payload, split_reasoning
from tests.mllm.questions import picture, question

SCHEMA = {
    "type": "object",
    "properties": {"pattern": {"type": "string", "maxLength": 5}},
    "required": ["pattern"],
}


def sent(request: Request, **dialect: Any) -> dict[str, Any]:
    return payload(request, model="m", dialect=Dialect(**dialect))


def test_each_image_follows_its_time() -> None:
    system, user = sent(question(images=2))["messages"]
    assert system == {"role": "system", "content": "Be exact."}
    assert [part["type"] for part in user["content"]] == [*["text", "image_url"] * 2, "text"]
    assert [part.get("text") for part in user["content"]] == [
        *("<0.0 seconds>", None, "<0.5 seconds>", None, "What is it?")
    ]
    head, data = user["content"][3]["image_url"]["url"].split(",")
    assert (head, base64.b64decode(data)) == ("data:image/jpeg;base64", picture(1).jpeg)


def test_an_image_without_a_time_has_none() -> None:
    request = Request((Message("user", (replace(picture(), t=None), "?")),))
    assert [part["type"] for part in sent(request)["messages"][0]["content"]] == [
        *("image_url", "text")
    ]


def test_a_clip_goes_by_its_url() -> None:
    request = Request((Message("user", (Video("file:///clips/a%20b.mp4"), picture(), "?")),))
    (message,) = sent(request)["messages"]
    assert message["content"][0] == {
        "type": "video_url", "video_url": {"url": "file:///clips/a%20b.mp4"}
    }  # fmt: skip
    assert [part["type"] for part in message["content"][1:]] == ["text", "image_url", "text"]
    assert (request.images, request.has_video) == (1, True)
    assert not question().has_video


def test_a_digest_tells_apart_what_is_shown() -> None:
    shown = [Video("file:///a.mp4"), Video("file:///b.mp4"), "file:///a.mp4", picture()]
    requests = [Request((Message("user", (one, "?")),)) for one in shown]
    assert len({one.digest(model="m") for one in requests}) == len(shown)


def test_a_schema_is_asked_for_as_each_server_wants_it() -> None:
    request = question(schema=SCHEMA)
    strict = sent(request)["response_format"]["json_schema"]
    assert strict == {"name": "answer", "strict": True, "schema": SCHEMA}
    bare = sent(request, form=1)["response_format"]["json_schema"]["schema"]
    # "pattern" is a field here, not a bound.
    assert bare == {**SCHEMA, "properties": {"pattern": {"type": "string"}}}
    assert sent(request, form=2)["response_format"] == {"type": "json_object", "schema": SCHEMA}
    assert "response_format" not in sent(request, form=3)
    assert "response_format" not in sent(question())


def test_a_penalty_is_sent_where_there_is_one() -> None:
    assert "repetition_penalty" not in sent(question())
    penalised = sent(question(penalty=1.1))
    assert penalised["repetition_penalty"] == penalised["repeat_penalty"] == 1.1


def test_log_probabilities_are_sent_for_and_read() -> None:
    asked = question(logprobs=True)
    assert "logprobs" not in sent(question())
    assert {"logprobs": True, "top_logprobs": 20}.items() <= sent(asked).items()
    assert asked.digest(model="m") != question().digest(model="m")
    refusing = Dialect().after("unknown parameter: logprobs", sent(asked))
    assert refusing is not None
    assert "logprobs" not in payload(asked, model="m", dialect=refusing)
    token = {"token": "Yes", "logprob": -0.5, "top_logprobs": [{"token": "No", "logprob": -1.5}]}
    choice = {"message": {"content": "Yes"}, "logprobs": {"content": [token, token]}}
    assert parse_reply({"choices": [choice]}).logprobs == {"Yes": -0.5, "No": -1.5}
    assert parse_reply({"choices": [{"message": {"content": "Yes"}}]}).logprobs == {}


def test_a_dialect_has_an_end() -> None:
    request, dialect = question(schema=SCHEMA), Dialect()
    for _ in range(3):
        following = dialect.after("response_format", sent(request, form=dialect.form))
        assert following is not None
        dialect = following
    assert dialect.after("response_format", sent(request, form=dialect.form)) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>It is red {not this}.</think>\n{}", "{}"),
        ("no mark at the start</think> {}", "{}"),
        ("<thinking>a</thinking>{}", "{}"),
        (" <think>never ends {}", ""),
        ("I think <b>so</b>", "I think <b>so</b>"),
    ],
)
def test_reasoning_is_dropped(text: str, kept: str) -> None:
    assert split_reasoning(text)[1] == kept


def test_a_reply_is_read_whatever_is_missing() -> None:
    reply = parse_reply(
        {
            "model": "m-2",
            "choices": [
                {
                    "message": {"content": [{"type": "text", "text": "hi"}], "reasoning": "so"},
                    "finish_reason": "length",
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": None},
        }
    )
    assert (reply.text, reply.finish, reply.model) == ("hi", "length", "m-2")
    assert (reply.prompt_tokens, reply.completion_tokens) == (3, 0)
    assert parse_reply({"choices": [{"message": {"content": None}}]}).text == ""


@pytest.mark.parametrize("body", [None, "text", [], {}, {"choices": []}, {"choices": [{}]}])
def test_what_is_no_reply_is_said(body: object) -> None:
    with pytest.raises(ValueError, match="not a chat completion"):
        parse_reply(body)
