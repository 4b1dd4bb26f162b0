"""SpatialVID's captions, a ``caption.json`` in a folder named by the clip; they are only read.

The keys are those that NJU-3DV/SpatialVID's own scripts write (``caption/utils/combine.py``,
``caption/tagging/inference.py``): two texts of a vision model, those of a language model that was
shown the camera's poses, and tags. *Unknown* is what the tags say where nothing is known.
"""

from __future__ import annotations

from typing import Any

from instancecap.formats.phrases import camera_words
from instancecap.formats.shape import Shape, key, of_texts
from instancecap.schema.caption import Camera, Caption

Scene: Any = of_texts("Scene", "first second")
Tags: Any = of_texts("Tags", "lighting timeOfDay weather crowdDensity", sceneType=(Scene, Scene()))


class Answer(Shape):
    """The object of a ``caption.json``."""

    camera: str = key("OptCamMotion")
    seen_camera: str = key("CamMotion")
    summary: str = key("SceneSummary")
    scene: str = key("SceneDesc")
    whole: str = key("ShotImmersion")
    motion: str = key("MotionTrends")
    tags: Tags = key("CategoryTag", default=Tags())


_TIMES = {"dawn": "dawn_or_dusk", "dusk": "dawn_or_dusk", "daytime": "day", "night": "night"}
_PLACES = {"interior": "indoor", "natural landscape": "outdoor", "rural": "outdoor",
           "waterfront": "outdoor"}  # fmt: skip
"""*Urban* is said of halls too."""

_NO_TEXT = ("SceneTags", "LLM")
"""Keywords out of the texts, and the model's name."""


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """The camera is that of the poses where it is told; the vision model often turns left and right
    round."""
    given = Answer.take({key: one for key, one in value.items() if key not in _NO_TEXT}, warnings)
    tags = given.tags
    light = [word for word in (tags.lighting, tags.weather) if _known(word)]
    motion = camera_words(given.motion).get("motion", [])
    return Caption.model_validate(
        {
            "video": None,
            "global_description": _known(given.summary),
            "dense_description": _known(given.whole),
            "background": _known(given.scene),
            "lighting": ", ".join(light).capitalize(),
            "time_of_day": _TIMES.get(tags.timeOfDay.partition("/")[0].casefold().strip(), ""),
            "place": _PLACES.get(tags.sceneType.first.casefold().strip(), ""),
            "camera": Camera(
                description=_known(given.camera) or _known(given.seen_camera), motion=motion
            ),
        }
    )


def _known(text: str) -> str:
    return "" if text.casefold().strip() == "unknown" else text
