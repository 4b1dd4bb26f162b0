"""Detectors that are asked for phrases: the Grounding DINO family (Liu et al., arXiv 2303.05499;
MM-Grounding-DINO, LLMDet) and OWLv2 (Minderer et al., arXiv 2306.09683), by hub id or folder.

The first read all phrases as one text and score its tokens, the second read a text a phrase.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.batches import BatchedDetector, Batches
from instancecap.evidence.experts.neural.detr import read_boxes
from instancecap.evidence.experts.neural.hub import Pretrained
from instancecap.models.classes import EVERYDAY, ClassColumns, distinct
from instancecap.models.detector import Detections
from instancecap.video.decode import Picture

Array = NDArray[np.float32]

AT_ONCE = 256
"""Phrases that a model which encodes each by itself is asked for in one run, to bound memory."""

KINDS = ("grounding-dino", "mm-grounding-dino", "owlv2", "owlvit")
"""Of models, as ``config.json`` has them; LLMDet is of the second."""

PROMPT = "a photo of a {}"
"""What such a model was trained to be asked (Radford et al., arXiv 2103.00020)."""


def plan_runs(lengths: Sequence[int], *, limit: int) -> list[list[int]]:
    """Which phrases go into which run of the text encoder: in their order, as many as fit.

    Args:
        lengths: tokens of each phrase; what is longer than ``limit`` has a run of its own.
    """
    runs: list[list[int]] = []
    left = 0
    for index, length in enumerate(lengths):
        if not runs or length > left:
            runs.append([])
            left = limit
        runs[-1].append(index)
        left -= length
    return runs


@dataclass(frozen=True, slots=True)
class _Run:
    """What the text encoder is given at once.

    Attributes:
        ids: tokens, (1, length) of all phrases, or (phrases, length).
        phrases: the columns that the answer is about.
        spans: where each phrase stands in a text of all of them; none for one text a phrase.
    """

    ids: Any
    phrases: list[int]
    spans: list[slice]


class OpenVocabularyDetector(BatchedDetector):
    """A detector that finds what it is asked for: COCO's classes and other everyday things, until
    it is asked for something else.

    Models run in single precision, also on a GPU: releases of transformers until late in 2026
    crash with Grounding DINO in half precision.
    """

    def __init__(self, name: str) -> None:
        """``name``: a folder with ``config.json``, weights, tokenizer and
        ``preprocessor_config.json``, or a hub id. Raises :class:`MissingDependency` where it
        cannot be loaded."""
        self.name = Path(name).name
        source = Pretrained("detector", name, half="float32")
        kind = source.load("AutoConfig").model_type
        if kind not in KINDS:
            raise MissingDependency(
                f"--detector {name}: how a {kind} is asked is not known; choose one of the kinds "
                f"{', '.join(KINDS)}"
            )
        self._torch, _ = source.libraries()
        self._pictures = source.load("AutoImageProcessor")
        self._words = source.load("AutoTokenizer")
        self._model = source.load_model("AutoModelForZeroShotObjectDetection")
        self._batches = Batches(
            self._model, out_of_memory=self._torch.OutOfMemoryError, name=self.name
        )
        self._ask(EVERYDAY)

    def asking(self, phrases: Sequence[str]) -> OpenVocabularyDetector:
        """The same model, asked for these phrases and nothing else."""
        other = copy.copy(self)
        other._ask(phrases)
        return other

    def _ask(self, phrases: Sequence[str]) -> None:
        asked = distinct(phrases)
        self._columns = ClassColumns(asked, by_head=True)
        texts = [" ".join(one.replace(".", " ").replace("?", " ").split()) for one in asked]
        limit = getattr(self._model.config, "max_text_len", 0)
        self._runs = self._in_one_text(texts, limit) if limit else self._one_by_one(texts)

    def _in_one_text(self, texts: Sequence[str], limit: int) -> list[_Run]:
        """All phrases in a text, a full stop after each, as Grounding DINO reads them."""
        words, stop = self._words, self._words.convert_tokens_to_ids(".")
        room = limit - 2  # it begins and ends with a token of its own
        tokens = [words(one, add_special_tokens=False)["input_ids"][: room - 1] for one in texts]
        runs = []
        for chosen in plan_runs([len(one) + 1 for one in tokens], limit=room):
            ids, spans = [words.cls_token_id], []
            for phrase in chosen:
                spans.append(slice(len(ids), len(ids) + len(tokens[phrase])))
                ids += [*tokens[phrase], stop]
            ids.append(words.sep_token_id)
            runs.append(_Run(self._torch.tensor([ids]), chosen, spans))
        return runs

    def _one_by_one(self, texts: Sequence[str]) -> list[_Run]:
        """A text a phrase; one that is too long for the encoder loses its end."""
        length = self._model.config.text_config.max_position_embeddings
        runs = []
        for chosen in plan_runs([1] * len(texts), limit=AT_ONCE):
            ids = self._words(
                [PROMPT.format(texts[phrase]) for phrase in chosen],
                padding="max_length",
                max_length=length,
                truncation=True,
                return_tensors="pt",
            )["input_ids"]
            runs.append(_Run(ids, chosen, []))
        return runs

    def _detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        rgb = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
        shown = self._pictures(images=rgb, return_tensors="pt").to(self._model.device)
        shown["pixel_values"] = shown["pixel_values"].to(self._model.dtype)
        answers = [self._answer(run, shown, len(pictures)) for run in self._runs]
        found = []
        for index, picture in enumerate(pictures):
            scores = np.concatenate([scores[index] for scores, _ in answers])
            boxes = np.concatenate([boxes[index] for _, boxes in answers])
            found.append(read_boxes(scores, self._corners(boxes, picture), self._columns))
        return found

    def _answer(self, run: _Run, shown: Any, count: int) -> tuple[Array, Array]:
        """Scores (pictures, queries, phrases) and boxes (pictures, queries, 4) of one run; of what
        it was not asked for the score is 0."""
        ids = run.ids.to(self._model.device).repeat(count, 1)
        with self._torch.inference_mode():
            told = self._model(input_ids=ids, **shown)
        likely = told.logits.float().sigmoid().cpu().numpy()
        scores = np.zeros((*likely.shape[:2], self._columns.count), np.float32)
        if run.spans:
            for phrase, span in zip(run.phrases, run.spans, strict=True):
                # The mean over a phrase's tokens, as the model's own evaluation on COCO has it.
                scores[..., phrase] = (
                    likely[..., span].mean(axis=2) if span.stop > span.start else 0
                )
        else:
            scores[..., run.phrases] = likely[..., : len(run.phrases)]
        return scores, told.pred_boxes.float().cpu().numpy()

    def _corners(self, boxes: Array, picture: Picture) -> Array:
        """Corners (n, 4) in 0..1 of the picture, from center, width and height in what was
        shown: OWLv2 is shown a square, with the picture at its top left."""
        half = boxes[:, 2:] / 2
        corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
        if self._model.config.model_type == "owlv2":
            height, width = picture.shape[:2]
            corners = corners * np.array(
                [max(height, width) / side for side in (width, height)] * 2
            )
        return np.asarray(corners, np.float32)
