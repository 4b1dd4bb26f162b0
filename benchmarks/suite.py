"""The default scenes: what has gone wrong before, or might, in one short clip each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import scene_effects as effects
from benchmarks.scene_effects import Frames
from benchmarks.scene_render import Move
from benchmarks.scene_textures import Picture
from benchmarks.scenes import FPS, Actor, Shot, edited, film, take
from benchmarks.truth import Case, Transition

Effect = Callable[[Frames], Frames]

NOISE: Effect = partial(effects.add_noise, sigma=9)
HEAVY_NOISE: Effect = partial(effects.add_noise, sigma=18)
FLICKER: Effect = partial(effects.flicker, depth=0.18)
RIPPLE: Effect = partial(effects.ripple, fps=FPS)
POOR_CODEC: Effect = partial(effects.compress, fps=FPS, crf=36)
DUSK: Effect = partial(effects.dim, gain=0.22)

BIG = Actor([(0, 0.2, 0.5, 1.25), (2.4, 0.85, 0.5, 1.25)], "blob", depth=4)
CROSSING = (
    Actor([(0, 0.1, 0.6, 0.4), (2.4, 0.9, 0.6, 0.4)], "figure", depth=6),
    Actor([(0, 0.9, 0.55, 0.35), (2.4, 0.1, 0.55, 0.35)], "box", depth=7),
)
WALKER = Actor([(0, 0.5, 0.6, 0.5), (2.4, 0.5, 0.6, 0.5)], "figure", follow=True)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A scene that has not been rendered yet."""

    name: str
    build: Callable[[], Case]


def recipes(*, only: str = "", photos: Sequence[Picture] = ()) -> list[Recipe]:
    """All scenes whose name contains ``only``.

    ``photos``, RGB pictures (height, width, 3), add scenes with a photograph as the background.
    """
    every = [*_static(), *_turns(), *_hard_turns(), *_travels(), *_actors(), *_edits()]
    for index, photo in enumerate(photos):
        every += _with_photo(index, photo)
    return [recipe for recipe in every if only in recipe.name]


def spread(items: list[Recipe], count: int) -> list[Recipe]:
    """``count`` of the recipes, evenly over the list."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in chosen]


def _take(
    name: str,
    world: str | Picture,
    *moves: Move,
    after: Sequence[Effect] = (),
    actors: Sequence[Actor] = (),
    seconds: float = 2.4,
    shake: float = 0.0,
    blur: float = 0.0,
    size: tuple[int, int] = (320, 180),
) -> Recipe:
    def build() -> Case:
        shot = film(
            name,
            world,
            *moves,
            actors=actors,
            seconds=seconds,
            shake=shake,
            blur=blur,
            size=size,
        )
        return take(name, shot, *after)

    return Recipe(name, build)


def _static() -> Iterator[Recipe]:
    yield _take("static_hills", "hills")
    yield _take("static_room", "room", size=(480, 270))
    yield _take("static_noise", "bricks", after=[HEAVY_NOISE])
    yield _take("static_flicker", "foliage", after=[FLICKER])
    yield _take("static_poor_codec", "cells", after=[NOISE, POOR_CODEC])
    yield _take("static_water", "hills", after=[RIPPLE])
    yield _take("static_sparse", "sparse", after=[NOISE])
    yield _take("static_dusk", "facade", after=[DUSK, NOISE])
    yield _take("static_letterbox", "planks", after=[effects.letterbox])
    yield _take("static_big_actor", "cells", actors=[BIG])
    yield _take("static_big_actor_sparse", "sparse", actors=[BIG], after=[NOISE])
    yield _take("static_crossing", "street", actors=CROSSING)


def _turns() -> Iterator[Recipe]:
    yield _take("pan_right", "cells", Move("pan_right", 18))
    yield _take("pan_left_slow", "foliage", Move("pan_left", 7))
    facing = Move("pan_right", 20, -2, -1)
    yield _take("pan_left_fast", "hills", facing, Move("pan_left", 40, 0, 2.4), blur=0.5)
    yield _take("tilt_up", "facade", Move("tilt_up", 11))
    yield _take("tilt_down", "hills", Move("tilt_down", 9))
    yield _take("roll_cw", "bricks", Move("roll_cw", 18))
    yield _take("roll_ccw", "hills", Move("roll_ccw", 14))
    yield _take("zoom_in", "foliage", Move("zoom_in", 0.45))
    yield _take("zoom_out", "cells", Move("zoom_out", 0.35))
    yield _take("zoom_in_slow", "facade", Move("zoom_in", 0.14), size=(480, 270))
    yield _take("pan_tilt", "cells", Move("pan_left", 15), Move("tilt_up", 8))
    yield _take("pan_zoom", "bricks", Move("pan_right", 14), Move("zoom_in", 0.35))
    yield _take("zoom_roll", "foliage", Move("zoom_out", 0.3), Move("roll_cw", 16))
    first, second = {"start": 0.0, "end": 1.6}, {"start": 1.6, "end": 3.2}
    yield _take(
        "pan_then_tilt",
        "cells",
        Move("pan_right", 14, **first),
        Move("tilt_up", 9, **second),
        seconds=3.2,
    )
    yield _take(
        "pan_there_and_back",
        "hills",
        Move("pan_right", 15, **first),
        Move("pan_left", 15, **second),
        seconds=3.2,
    )
    yield _take("rest_then_zoom", "facade", Move("zoom_in", 0.35, **second), seconds=3.2)


def _hard_turns() -> Iterator[Recipe]:
    yield _take("pan_noise", "bricks", Move("pan_left", 16), after=[HEAVY_NOISE])
    yield _take("pan_poor_codec", "foliage", Move("pan_right", 16), after=[POOR_CODEC])
    yield _take("pan_flicker", "cells", Move("pan_right", 13), after=[FLICKER])
    yield _take("pan_blur", "facade", Move("pan_left", 24), blur=0.9)
    yield _take("tilt_logo", "cells", Move("tilt_down", 10), after=[effects.logo])
    yield _take(
        "pan_bars_logo", "hills", Move("pan_right", 16), after=[effects.letterbox, effects.logo]
    )
    yield _take("zoom_letterbox", "bricks", Move("zoom_in", 0.35), after=[effects.letterbox])
    yield _take("pan_sparse", "sparse", Move("pan_right", 15), after=[NOISE])
    yield _take("zoom_out_dusk", "cells", Move("zoom_out", 0.35), after=[DUSK, NOISE])
    yield _take("pan_water", "hills", Move("pan_left", 14), after=[RIPPLE])
    yield _take("pan_big_actor", "cells", Move("pan_right", 15), actors=[BIG])
    yield _take("pan_following", "foliage", Move("pan_right", 22), actors=[WALKER])
    yield _take("handheld_pan", "cells", Move("pan_right", 16), shake=0.25)
    yield _take("handheld_zoom", "facade", Move("zoom_in", 0.4), shake=0.25)
    yield _take("shake_gentle", "bricks", shake=0.25)
    yield _take("shake_strong", "hills", shake=0.8, blur=0.4)


def _travels() -> Iterator[Recipe]:
    yield _take("truck_right", "street", Move("move_right", 1.9), size=(480, 270))
    yield _take("truck_left", "room", Move("move_left", 1.7))
    yield _take("truck_left_following", "open", Move("move_left", 2.2), actors=[WALKER])
    yield _take("pedestal_up", "room", Move("move_up", 1.2))
    yield _take("pedestal_down", "street", Move("move_down", 1.1))
    yield _take("push_in_room", "room", Move("move_in", 2.2))
    yield _take("push_in_street", "street", Move("move_in", 2.4), size=(480, 270))
    yield _take("push_in_handheld", "street", Move("move_in", 2.4), shake=0.2)
    yield _take("pull_out_room", "room", Move("move_out", 2.4))
    yield _take("pull_out_street", "street", Move("move_out", 2.6))
    yield _take("pan_in_room", "room", Move("pan_right", 14))
    yield _take("zoom_in_street", "street", Move("zoom_in", 0.4))
    yield _take("arc_cw", "room", Move("arc_cw", 16), actors=[Actor([(0, 0.5, 0.5, 0.5)], "star")])
    yield _take("arc_ccw", "street", Move("arc_ccw", 16))


def _actors() -> Iterator[Recipe]:
    yield _take(
        "enters_left",
        "hills",
        actors=[
            Actor([(0, -0.3, 0.6, 0.5), (0.5, -0.3, 0.6, 0.5), (2.4, 0.6, 0.6, 0.5)], "figure")
        ],
    )
    yield _take(
        "leaves_right",
        "facade",
        actors=[Actor([(0, 0.4, 0.6, 0.45), (1.9, 1.3, 0.6, 0.45)], "ellipse")],
    )
    yield _take(
        "passes_through_pan",
        "bricks",
        Move("pan_left", 12),
        actors=[Actor([(0, -0.3, 0.5, 0.4), (0.3, -0.3, 0.5, 0.4), (1.8, 1.3, 0.5, 0.4)], "box")],
    )
    yield _take(
        "behind_post",
        "cells",
        actors=[
            Actor([(0, 0.15, 0.6, 0.35), (2.4, 0.85, 0.6, 0.35)], "star"),
            Actor([(0, 0.5, 0.5, 1.4)], "post", depth=4, prop=True),
        ],
    )
    yield _take("grows", "foliage", actors=[Actor([(0, 0.5, 0.55, 0.2), (2.4, 0.45, 0.5, 0.8)])])
    yield _take("shrinks", "planks", actors=[Actor([(0, 0.4, 0.6, 0.8), (2.4, 0.65, 0.4, 0.2)])])
    yield _take(
        "small", "gravel", actors=[Actor([(0, 0.2, 0.7, 0.1), (2.4, 0.8, 0.3, 0.1)], "box")]
    )
    yield _take(
        "three",
        "facade",
        actors=[
            Actor([(0, 0.2, 0.2, 0.3), (2.4, 0.2, 0.8, 0.3)], "star", turn=40),
            Actor([(0, 0.5, 0.8, 0.3), (2.4, 0.5, 0.25, 0.3)], "ellipse"),
            Actor([(0, 0.95, 0.5, 0.35), (2.4, 0.7, 0.5, 0.35)], "figure"),
        ],
        size=(480, 270),
    )
    yield _take(
        "stops",
        "bricks",
        actors=[
            Actor([(0, 0.1, 0.6, 0.4), (1.0, 0.55, 0.6, 0.4), (2.4, 0.55, 0.6, 0.4)], "figure")
        ],
    )
    yield _take(
        "diagonal_handheld",
        "hills",
        shake=0.2,
        actors=[Actor([(0, 0.15, 0.25, 0.35), (2.4, 0.85, 0.75, 0.35)], "blob")],
    )


def _shots(name: str, *worlds: str, seconds: float = 1.4) -> list[Shot]:
    return [film(f"{name}{i}", world, seconds=seconds) for i, world in enumerate(worlds)]


def _cut(name: str, *frames: Frames, after: Sequence[Effect] = ()) -> Case:
    """Takes one after the other, with a hard cut between each two."""
    joined = np.concatenate(frames)
    for effect in after:
        joined = effect(joined)
    times = np.cumsum([len(part) for part in frames])[:-1] / FPS
    return edited(name, joined, [Transition(float(t), float(t), "cut") for t in times])


def _cuts(name: str, *worlds: str, seconds: float = 1.4, after: Sequence[Effect] = ()) -> Recipe:
    def build() -> Case:
        shots = _shots(name, *worlds, seconds=seconds)
        return _cut(name, *(shot.frames for shot in shots), after=after)

    return Recipe(name, build)


def _blend(name: str, kind: str, *worlds: str, frames: int, black: int = 4) -> Recipe:
    """Two takes with a dissolve, or a fade through black, of ``frames`` frames (each way)."""

    def build() -> Case:
        first, second = (shot.frames for shot in _shots(name, *worlds, seconds=2.0))
        start = (len(first) - frames) / FPS
        if kind == "dissolve":
            joined = effects.mix(first, second, frames=frames)
            change = Transition(start, start + frames / FPS, "dissolve")
        else:
            joined = effects.fade(first, second, frames=frames, black=black)
            change = Transition(start, start + (2 * frames + black) / FPS, "fade")
        return edited(name, joined, [change])

    return Recipe(name, build)


def _edits() -> Iterator[Recipe]:
    yield _cuts("cuts_three", "hills", "bricks", "room")
    yield _cuts("cuts_dusk", "hills", "facade", "foliage", after=[DUSK, NOISE])
    yield _cuts("cuts_poor_codec", "street", "cells", "planks", after=[POOR_CODEC])
    yield _cuts("cuts_short_shots", "hills", "cells", "facade", "foliage", "bricks", seconds=0.3)
    yield Recipe("cut_same_place", _same_place)
    yield Recipe("cuts_moving", _cuts_while_moving)
    yield _blend("dissolve", "dissolve", "hills", "bricks", frames=12)
    yield _blend("dissolve_long", "dissolve", "foliage", "facade", frames=24)
    yield _blend("dissolve_short", "dissolve", "room", "hills", frames=8)
    yield _blend("fade", "fade", "cells", "hills", frames=10)
    yield _blend("fade_long", "fade", "street", "facade", frames=20, black=10)
    yield _blend("fade_no_black", "fade", "hills", "planks", frames=12, black=0)
    yield Recipe("flashes", _flashes)
    yield Recipe("whip_pan", _whip_pan)
    yield Recipe("black_leader", _black_leader)


def _same_place() -> Case:
    wide = film("cut_same_place", "street")
    close = film("cut_same_place", "street", Move("zoom_in", 0.7, -2, -1))
    return _cut("cut_same_place", wide.frames[:36], close.frames[:36])


def _cuts_while_moving() -> Case:
    name = "cuts_moving"
    parts = (
        film(f"{name}0", "cells", Move("pan_right", 20), blur=0.5, seconds=1.5),
        film(f"{name}1", "street", Move("move_in", 1.5), seconds=1.5),
        film(f"{name}2", "foliage", Move("tilt_up", 9), actors=[BIG], seconds=1.5),
    )
    return _cut(name, *(part.frames for part in parts))


def _flashes() -> Case:
    shot = film("flashes", "room", Move("pan_right", 6), actors=CROSSING)
    lit = effects.flash(effects.flash(shot.frames, at=20), at=41, length=2)
    return edited("flashes", lit, [])


def _whip_pan() -> Case:
    whip = Move("pan_right", 52, 1.0, 1.3)
    shot = film("whip_pan", "facade", Move("pan_left", 26, -2, -1), whip, blur=0.9)
    return edited("whip_pan", shot.frames, [])


def _black_leader() -> Case:
    shot = film("black_leader", "hills", Move("pan_left", 8), seconds=1.6)
    return _cut("black_leader", np.zeros_like(shot.frames[:16]), shot.frames)


def _with_photo(index: int, photo: Picture) -> Iterator[Recipe]:
    prefix = f"photo{index}"
    yield _take(f"{prefix}_static_actor", photo, actors=CROSSING[:1], after=[NOISE])
    yield _take(f"{prefix}_pan_left", photo, Move("pan_left", 12), actors=CROSSING[1:])
    yield _take(f"{prefix}_zoom_in", photo, Move("zoom_in", 0.3), after=[POOR_CODEC])
