"""How fast captions become prompts, and whether one is ever over its limit.

    python -m benchmarks.render                      # 10,000 captions for each target, one core
    python -m benchmarks.render --generated 100000   # and limits kept on generated captions

Prints one JSON line. The captions are generated from word lists with a seed: as the measured
captioner writes them, as language models do, and odd ones (other scripts, control characters,
endless words, missing fields).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from typing import Any

from instancecap.errors import FormatError
from instancecap.render import render, targets
from instancecap.schema import caption as c

KINDS = ("person", "dog", "car", "bird", "bicycle", "boat", "chair", "horse", "truck", "cup")
LOOKS = ("young", "old", "small", "tall", "red", "white", "striped", "shiny", "dusty", "wet")
PARTS = ("long dark hair", "a red coat", "two black stripes", "a metal frame", "torn edges")
DOES = ("walks along the path", "Moves slowly to the right.", "turning around and waving",
        "The {kind} jumps over a low wall, then stops.", "Stays still.",
        "runs toward the camera")  # fmt: skip
PLACES = ("a snowy park with bare trees", "An outdoor scene, mostly green.", "a narrow street",
          "The walls are covered with posters.",
          "A kitchen. Pans hang above the stove.")  # fmt: skip
LIGHTS = ("soft daylight", "A bright picture with high contrast.", "Warm light falls from above.")
ODD = ("日本の庭園で猫が歩いている。", "ﷺ" * 9, "naïve café — “quoted”", "🙂🐕‍🦺" * 5,
       "x" * 300,
       "line\none\ttwo\x00", "qzxv jkqx", "Ünïcödé Ωmega", "a. b. c.",
       "   ", "…", '"}]')  # fmt: skip
CELLS = ("top-left", "center-middle", "center-right", "bottom-middle")


def make_caption(dice: random.Random, index: int) -> c.Caption:
    """A caption such as captioners write, or worse."""
    text = _odd if dice.random() < 0.1 else _plain
    instances = [_instance(dice, number, text) for number in range(dice.randint(0, 5))]
    return c.Caption(
        video=c.Video(
            id=f"{index}.mp4", path="", start=0, end=5, duration=5, fps=24, width=640, height=360,
            frames=120,
        ),
        global_description=text(dice, f"A {dice.choice(LOOKS)} {dice.choice(KINDS)} is seen.", 0.5),
        instances=instances,
        background=text(dice, " ".join(dice.choices(PLACES, k=dice.randint(1, 4))), 0.9),
        place=dice.choice(("indoor", "outdoor", "unknown", "")),
        lighting=text(dice, dice.choice(LIGHTS), 0.8),
        time_of_day=dice.choice(("day", "night", "")),
        camera=c.Camera(
            motion=dice.choice((["static"], ["pan_left", "zoom_in"], [])),
            description=text(dice, "The camera pans left. It then zooms in.", 0.4),
            shot_type=dice.choice(("full_shot", "close_up", "")),
            shot_angle=dice.choice(("eye_level", "low_angle", "")),
            shot_position=dice.choice(("front_view", "side_view", "")),
        ),
        segments=[
            c.Segment(start=n, end=n + 1, description=text(dice, "It turns.", 0.9))
            for n in range(dice.choice((0, 0, 3)))
        ],
    )  # fmt: skip


def _instance(dice: random.Random, number: int, text: Any) -> c.Instance:
    kind = dice.choice(KINDS)
    looks = f"A {dice.choice(LOOKS)} {kind} with {dice.choice(PARTS)}."
    more = " ".join(f"It has {part}." for part in dice.sample(PARTS, dice.randint(0, 4)))
    return c.Instance(
        id=number,
        class_=kind,
        count=dice.choice((1, 1, 1, 2, 12)),
        appearance=text(dice, f"{looks} {more}", 0.9),
        action=text(dice, dice.choice(DOES).format(kind=kind), 0.8),
        expression=text(dice, "calm", 0.2),
        colors=["red"],
        position=c.Position(start=dice.choice(CELLS), end=dice.choice(CELLS)),
    )


def _plain(dice: random.Random, text: str, chance: float) -> str:
    return text if dice.random() < chance else ""


def _odd(dice: random.Random, text: str, chance: float) -> str:
    return " ".join(dice.choices((*ODD, text), k=dice.randint(0, 6)))


def time_targets(captions: list[c.Caption]) -> dict[str, float]:
    """CPU seconds for all captions, for each target."""
    seconds = {}
    for name in targets():
        start = time.process_time()
        for caption in captions:
            _try(caption, target=name)
        seconds[name] = round(time.process_time() - start, 2)
    return seconds


def check_limits(number: int, seed: int) -> Counter[str]:
    """How many of the generated captions' prompts were within and over the limit, or refused."""
    dice, found, names = random.Random(seed), Counter[str](), list(targets())
    for index in range(number):
        caption = make_caption(dice, index)
        prompt = _try(
            caption,
            target=names[index % len(names)],
            task=dice.choice(("t2v", "t2v", "i2v")),
            length=dice.choice(("dense", "dense", "medium", "short", "tags")),
        )
        if prompt is None:
            found["refused"] += 1
            continue
        found["over"] += prompt.tokens > prompt.limit
        found["many_lines"] += len(prompt.text.splitlines()) != 1
        found["shortened"] += bool(prompt.dropped)
        found["rendered"] += 1
    return found


def _try(caption: c.Caption, **options: Any) -> Any:
    try:
        return render(caption, **options)
    except FormatError:
        return None


def main() -> None:
    """Time the rendering, check the limits, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, default=10_000, help="captions to time")
    parser.add_argument("--generated", type=int, default=0, help="captions to check limits on")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    captions = [make_caption(dice, index) for index in range(options.captions)]
    seconds = time_targets(captions)
    result: dict[str, Any] = {
        "benchmark": "render",
        "captions": options.captions,
        "cpu_seconds": seconds,
        "slowest": max(seconds.values(), default=0.0),
    }
    if options.generated:
        limits = check_limits(options.generated, options.seed + 1)
        result["generated"] = {"captions": options.generated, **dict(sorted(limits.items()))}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
