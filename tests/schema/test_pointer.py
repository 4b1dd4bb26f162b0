"""JSON pointers: instances go by their id, everything else by its place."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given

from instancecap.errors import FormatError
from instancecap.schema import Caption
from instancecap.schema.pointer import assign, instance_of, instance_pointer, leaves, parse, resolve
from tests import strategies
from tests.schema.design_examples import CAPTION


def example(id: int = 7) -> Caption:
    instance = {**CAPTION["instances"][0], "id": id}
    other = {**instance, "id": 0, "name": "the other", "class": "van"}
    segment = {**CAPTION["segments"][0], "instances": [id]}
    value = {**CAPTION, "instances": [instance, other], "segments": [segment]}
    return Caption.from_json(json.dumps(value))


@given(strategies.captions)
def test_every_leaf_is_found_at_its_pointer_and_can_be_set(caption: Caption) -> None:
    for pointer, value in leaves(caption).items():
        assert resolve(caption, pointer) == value
        assert pointer == "/" + "/".join(parse(pointer))
        assign(caption, pointer, type(value)())
    assert leaves(caption) == {}


def test_instances_go_by_their_id() -> None:
    caption = example()
    assert resolve(caption, "/instances/7/class") == "car"
    assert resolve(caption, "/instances/0/class") == "van"
    assign(caption, "/instances/0/position/text", "on the left")
    assert caption.instances[1].position.text == "on the left"
    plain = caption.model_dump(mode="json")
    assert resolve(plain, "/instances/0/position/text") == "on the left"
    assign(plain, "/texts/0/text", "WRC 2")
    assert plain["texts"][0]["text"] == "WRC 2"


@pytest.mark.parametrize(
    "pointer",
    ["/instances/3", "/instances/x/class", "/nothing", "/texts/9", "/texts/-1", "/place/first"],
)
def test_what_is_not_there_is_named(pointer: str) -> None:
    with pytest.raises(FormatError, match=f"{pointer}: there is no '"):
        resolve(example(), pointer)
    with pytest.raises(FormatError, match=f"{pointer}/more: there is no '"):
        assign(example(), f"{pointer}/more", "")


def test_pointers_are_taken_apart_and_put_together() -> None:
    assert parse("/a~1b/c~0d") == ("a/b", "c~d")
    assert instance_pointer(7) == "/instances/7"
    assert instance_of(instance_pointer(7, "position/text")) == 7
    assert [instance_of(one) for one in ("/instances", "/shots/7/motion", "/instances/x")] == [
        None
    ] * 3
    with pytest.raises(FormatError, match="'a/b': a JSON pointer begins with '/'"):
        parse("a/b")


def test_the_schema_alone_knows_no_formats_and_says_so() -> None:
    program = (
        "from instancecap.schema import Caption\n"
        "try: Caption(video=None).to('text')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "import instancecap as ic\n"
        "print(ic.Caption is Caption, Caption(video=None, background='A yard.').to('text'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.startswith(
        "UsageError no caption format is registered; import instancecap.formats"
    )
    assert second == "True The setting is a yard."
