"""SAM 2.1, EdgeTAM and SAM 3 of the transformers library, asked by boxes.

Segment Anything 2 (Ravi et al., arXiv 2408.00714) and EdgeTAM (Zhou et al., arXiv 2501.07256) keep
a memory of a thing's masks while they go through a video; SAM 3 (arXiv 2511.16719) does the same
with another picture encoder. Their processors need torchvision, so pictures and boxes are put into
the form that the networks take here: a square of the network's own size, and a box as two corners
with the labels 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
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


def family_of(source: Pretrained) -> Family:
    """What kind of network a folder or hub id holds.

    Raises:
        MissingDependency: it cannot be loaded, or is another network.
    """
    kind = source.load("AutoConfig").model_type
    if kind not in FAMILIES:
        raise MissingDependency(
            f"--{source.option} {source.name} is a {kind} network; choose SAM 2.1, EdgeTAM or "
            "SAM 3, such as facebook/sam2.1-hiera-small"
        )
    return FAMILIES[kind]


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

    def __init__(self, source: Pretrained) -> None:
        """Raises :class:`MissingDependency` where ``source`` cannot be loaded."""
        self.name = Path(source.name).name
        self._torch, transformers = source.libraries()
        self._family = family_of(source)
        self._model = source.load_model(f"{self._family.prefix}Model")
        self._session = getattr(transformers, f"{self._family.prefix}InferenceSession")
        self.side = int(self._model.prompt_encoder.input_image_size)

    def track(
        self, pictures: Sequence[Picture], prompts: Sequence[Mapping[int, Array]]
    ) -> Iterator[dict[int, Segment]]:
        """See :meth:`instancecap.evidence.tracking.masklets.VideoTracker.track`."""
        torch, model = self._torch, self._model
        squares = [to_square(picture, self.side, self._family) for picture in pictures]
        session = self._session(
            video=torch.from_numpy(np.stack(squares)),
            video_height=pictures[0].shape[0],
            video_width=pictures[0].shape[1],
            inference_device=model.device,
            inference_state_device=model.device,
            dtype=model.dtype,
            max_vision_features_cache_size=len(pictures),
        )
        try:
            for boxes in prompts:
                session.reset_tracking_data()
                yield self._follow(session, boxes, pictures)
        finally:
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
                    "point_coords": corners.reshape(1, 1, 2, 2).to(model.dtype),
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


@cache
def _load(source: Pretrained) -> SamTracker:
    return SamTracker(source)


def open_sam(option: str, name: str) -> SamTracker:
    """The network in a folder or under a hub id; loaded once, as ``--segmenter`` and ``--tracker``.

    Raises:
        MissingDependency: it cannot be loaded.
    """
    return _load(Pretrained(option, name, half="bfloat16"))
