"""A model that writes captions of prompts, and makes the mistakes that models make.

It repeats half of the prompt's words, counts wrongly, forgets colors, praises, and does not put
right what it is told; a prompt of the same words always gets the same answer.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

PRAISE = ("breathtaking", "stunning", "majestic", "ethereal", "blurry")


def answer(asked: dict[str, Any]) -> str:
    """The answer to a question of the enhancer, by the schema that it was sent with."""
    shape = asked["response_format"]["json_schema"]["schema"]
    texts = [one["content"] for one in asked["messages"] if one["role"] == "user"]
    told = "\n".join(one if isinstance(one, str) else one[-1]["text"] for one in texts)
    found = re.search(r"<<<\n(.*?)\n>>>", told, re.DOTALL)
    prompt = found[1] if found else "a dog"
    dice = random.Random(f"{prompt} {asked.get('seed', 0)}")
    return json.dumps(_fill("", shape, prompt, dice), ensure_ascii=False)


def _fill(name: str, shape: dict[str, Any], prompt: str, dice: random.Random) -> Any:
    words = re.findall(r"\w+", prompt) or ["thing"]
    if "enum" in shape:
        return dice.choice(shape["enum"])
    match shape["type"]:
        case "object":
            return {key: _fill(key, one, prompt, dice) for key, one in shape["properties"].items()}
        case "array":
            size = {"instances": dice.randint(1, 4), "shots": dice.randint(1, 3)}.get(name, 1)
            return [_fill(name, shape["items"], prompt, dice) for _ in range(size)]
        case "integer":
            return dice.randint(1, 5)
    if name in ("class", "colors"):
        return dice.choice(words).lower()
    if name == "name":
        return f"the {dice.choice(PRAISE)} {dice.choice(words).lower()} {dice.randint(1, 99)}"
    kept = " ".join(word for word in words if dice.random() < 0.5)
    return f"A {dice.choice(PRAISE)} view of {kept}. It is {dice.choice(PRAISE)}. It moves on."
