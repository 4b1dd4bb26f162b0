"""SAM 2.1, EdgeTAM and SAM 3 of the transformers library, asked by boxes.

Segment Anything 2 (Ravi et al., arXiv 2408.00714) and EdgeTAM (Zhou et al., arXiv 2501.07256) keep
a memory of a thing's masks while they go through a video; SAM 3 (arXiv 2511.16719) does the same
with another picture encoder. Their processors need torchvision, so pictures and boxes are put into
the form that the networks take here: a square of the network's own size, and a box as two corners
with the labels 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.hub import Pretrained
from instancecap.evidence.tracking.masklets import Segment
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Family(NamedTuple):
    """Classes of transformers for one kind of network, and the colors that it was trained on.

    Attributes:
        prefix: of the classes.
        mean, spread: of red, green and blue in 0..1.
    """

    prefix: str
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    spread: tuple[float, float, float] = (0.229, 0.224, 0.225)


SAM2 = Family("Sam2Video")
EDGETAM = Family("EdgeTamVideo")
SAM3 = Family("Sam3TrackerVideo", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

FAMILIES = {
    "sam2": SAM2,
    "sam2_video": SAM2,
    "edgetam": EDGETAM,
    "edgetam_video": EDGETAM,
    "sam3_video": SAM3,
    "sam3_tracker": SAM3,
    "sam3_tracker_video": SAM3,
}
"""By the ``model_type`` of ``config.json``."""

CORNERS = (2, 3)
"""Labels of a box's first and second corner among the points that a thing is shown by."""


MOST_TOKENS = 32
"""Of a phrase, as SAM 3 was trained."""


def to_square(picture: Picture, side: int, family: Family) -> NDArray[np.float32]:
    """A BGR picture as the network takes it: RGB, float32 (3, side, side)."""
    how = cv2.INTER_AREA if max(picture.shape[:2]) > side else cv2.INTER_LINEAR
    rgb = cv2.resize(picture, (side, side), interpolation=how)[..., ::-1].astype(np.float32) / 255
    square = (rgb - np.array(family.mean)) / np.array(family.spread)
    return np.ascontiguousarray(square.transpose(2, 0, 1), np.float32)


def to_mask(logits: Any, picture: Picture) -> Mask:
    """Logits (height, width), a tensor, as a mask of a picture's size."""
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.resize(logits.float().cpu().numpy(), size) > 0)


class SamTracker:
    """Follows things through the pictures of a window; loaded when it is made.

    A picture is encoded once, whatever the number of things; the memory of a thing is given back
    before the next one is followed, and all of a window's with the window.
    """

    def __init__(self, source: Pretrained, family: Family) -> None:
        """Raises :class:`MissingDependency` where ``source`` cannot be loaded."""
        self.name = Path(source.name).name
        self._torch, transformers = source.libraries()
        self._family = family
        self._model = source.load_model(f"{family.prefix}Model")
        self._session = getattr(transformers, f"{family.prefix}InferenceSession")
        self.side = int(self._model.prompt_encoder.input_image_size)

    def track(
        self, pictures: Sequence[Picture], prompts: Sequence[Mapping[int, Array]]
    ) -> Iterator[dict[int, Segment]]:
        """See :meth:`instancecap.evidence.tracking.masklets.VideoTracker.track`."""
        with self._session_of(self._session, self._model, pictures) as session:
            for boxes in prompts:
                session.reset_tracking_data()
                yield self._follow(session, boxes, pictures)

    @contextmanager
    def _session_of(self, kind: Any, model: Any, pictures: Sequence[Picture]) -> Iterator[Any]:
        """A session of some class on the pictures, which gives back what it held.

        Raises:
            MemoryError: the GPU's memory does not suffice.
        """
        torch = self._torch
        squares = [to_square(picture, self.side, self._family) for picture in pictures]
        session = None
        try:
            session = kind(
                video=torch.from_numpy(np.stack(squares)),
                video_height=pictures[0].shape[0],
                video_width=pictures[0].shape[1],
                inference_device=model.device,
                inference_state_device=model.device,
                dtype=model.dtype,
                max_vision_features_cache_size=len(pictures),
            )
            yield session
        except torch.OutOfMemoryError as error:
            raise MemoryError(f"{self.name}: the GPU's memory does not suffice") from error
        finally:
            if session is not None:
                session.reset_inference_session()
            if model.device.type == "cuda":
                torch.cuda.empty_cache()

    def _follow(
        self, session: Any, boxes: Mapping[int, Array], pictures: Sequence[Picture]
    ) -> dict[int, Segment]:
        """One thing, both ways from its first box."""
        torch, model = self._torch, self._model
        with torch.inference_mode():
            for at, box in sorted(boxes.items()):
                thing = session.obj_id_to_idx(0)
                corners = torch.from_numpy((box * self.side).astype(np.float32))
                points = {
                    "point_coords": corners.reshape(1, 1, 2, 2),
                    "point_labels": torch.tensor([[CORNERS]], dtype=torch.int32),
                }
                session.add_point_inputs(thing, at, points)
                session.obj_with_new_inputs = [0]
                model(session, frame_idx=at)
            found = {}
            for backward in (False, True):
                for answer in model.propagate_in_video_iterator(
                    session, start_frame_idx=min(boxes), reverse=backward
                ):
                    score = float(answer.object_score_logits.float().sigmoid().ravel()[0])
                    if score > 0.5:
                        index = answer.frame_idx
                        mask = to_mask(answer.pred_masks[0, 0], pictures[index])
                        found[index] = Segment(mask, score)
        return found


class SamSegmenter:
    """Segments what lies in boxes of single pictures: windows of one picture to a tracker."""

    def __init__(self, tracker: SamTracker) -> None:
        self.name, self._tracker = tracker.name, tracker

    def segment(self, picture: Picture, boxes: Array) -> list[Mask]:
        """Masks, bool (height, width), of what lies in boxes (n, 4), 0..1 of a BGR picture; empty
        where the network sees nothing."""
        nothing = Segment(np.zeros(picture.shape[:2], bool), 0.0)
        answers = self._tracker.track([picture], [{0: box} for box in boxes])
        return [found.get(0, nothing).mask for found in answers]


class Sam3Tracker(SamTracker):
    """SAM 3, which also finds and follows at once all that a phrase is true of."""

    def __init__(self, source: Pretrained, family: Family) -> None:
        super().__init__(source, family)
        self._source = source

    @cached_property
    def _finder(self) -> tuple[Any, Any]:
        """Tokenizer and model, loaded when a phrase is asked for; the encoder of pictures, which is
        most of either network, is held once."""
        model = self._source.load_model("Sam3VideoModel")
        self._model.vision_encoder.backbone = model.detector_model.vision_encoder.backbone
        return self._source.load("AutoTokenizer"), model

    def find(
        self, pictures: Sequence[Picture], phrases: Sequence[str]
    ) -> list[tuple[str, dict[int, Segment]]]:
        """See :meth:`instancecap.evidence.tracking.masklets.ConceptTracker.find`."""
        tokenizer, model = self._finder
        _, transformers = self._source.libraries()
        found: dict[int, dict[int, Segment]] = {}
        with self._session_of(transformers.Sam3VideoInferenceSession, model, pictures) as session:
            for phrase in phrases:
                words = tokenizer(
                    phrase,
                    return_tensors="pt",
                    padding="max_length",
                    truncation=True,
                    max_length=MOST_TOKENS,
                ).to(model.device)
                number = session.add_prompt(phrase)
                session.prompt_input_ids[number] = words.input_ids
                session.prompt_attention_masks[number] = words.attention_mask
            for answer in model.propagate_in_video_iterator(session):
                index, hidden = answer.frame_idx, answer.suppressed_obj_ids or set()
                for thing in sorted(answer.obj_id_to_mask.keys() - hidden):
                    mask = to_mask(answer.obj_id_to_mask[thing][0], pictures[index])
                    if mask.any():
                        score = min(1.0, float(answer.obj_id_to_score[thing]))
                        found.setdefault(thing, {})[index] = Segment(mask, score)
            return [
                (session.prompts[session.obj_id_to_prompt_id[thing]], seen)
                for thing, seen in sorted(found.items())
                if thing not in session.hotstart_removed_obj_ids
            ]


@cache
def _load(source: Pretrained) -> SamTracker:
    kind = source.load("AutoConfig").model_type
    if kind not in FAMILIES:
        raise MissingDependency(
            f"--{source.option} {source.name} is a {kind} network; choose SAM 2.1, EdgeTAM or "
            "SAM 3, such as facebook/sam2.1-hiera-small"
        )
    return (Sam3Tracker if kind == "sam3_video" else SamTracker)(source, FAMILIES[kind])


def open_sam(option: str, name: str) -> SamTracker:
    """The network in a folder or under a hub id; loaded once, as ``--segmenter`` and ``--tracker``.

    Raises:
        MissingDependency: it cannot be loaded, or is another network.
    """
    return _load(Pretrained(option, name, half="bfloat16"))
