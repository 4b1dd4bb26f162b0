"""Metrics of neural features: the 3DVAE score and CLIP SenBySen. They need the extra ``models``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from instancecap.errors import FormatError, MissingDependency
from instancecap.evals.frames import count_frames, evenly, read_frames
from instancecap.evals.reconstruction.metric import FEW, MetricOptions
from instancecap.evals.task import Method
from instancecap.language.sentences import split_sentences
from instancecap.video.clip import Clip
from instancecap.video.decode import Picture

if TYPE_CHECKING:
    import torch

SIDE = 224
"""Pixels to which a frame is squashed, both ways; that of CLIP ViT-B/32 and of the 3DVAE score."""


@dataclass(frozen=True, slots=True)
class VaeDistance:
    """3DVAE score: L2 distance of two videos' latents in CogVideoX's VAE, of 8 frames at 224×224.

    Pixels are -1..1 and the latents the means of the posteriors. As published: half precision,
    pixels 0..1, and one sample of each posterior; there it is drawn without a seed, here with one.
    """

    options: MetricOptions

    def look(self, clip: Clip, text: str) -> torch.Tensor:
        """Latents, shape (1, channels, frames, height, width)."""
        import torch

        published = self.options.method == "as-published"
        vae = _load_vae(self.options.vae, half=published)
        frames = read_frames(clip, evenly(count_frames(clip), FEW))
        video = torch.stack([_squashed(one) for _, one in frames], dim=1)[None] / 255
        if not published:
            video = video * 2 - 1
        with torch.inference_mode():
            posterior = vae.encode(video.to(vae.device, vae.dtype)).latent_dist
            if not published:
                return posterior.mode().float().cpu()
            random = torch.Generator("cpu").manual_seed(self.options.seed)
            return posterior.sample(random).float().cpu()

    def compare(self, original: torch.Tensor, generated: torch.Tensor) -> dict[str, float]:
        """The distance."""
        import torch

        return {"3dvae": float(torch.linalg.vector_norm(original - generated))}


@dataclass(frozen=True, slots=True)
class SenBySen:
    """CLIP SenBySen: mean over a text's sentences of the mean cosine of sentence and frames.

    Of 8 frames, prepared as CLIP was trained. As published: of all frames, squashed, with pixels
    0..255 that are not normalized, and padding that is not masked.
    """

    options: MetricOptions

    def look(self, clip: Clip, text: str) -> float:
        """The score of a clip with a text. Raises :class:`FormatError` for an empty text."""
        told = [one.text for one in split_sentences(text)]
        if not told:
            raise FormatError("the caption says nothing")
        model, tokenizer, processor = _load_clip(self.options.clip)
        count = count_frames(clip)
        published = self.options.method == "as-published"
        places = range(count) if published else evenly(count, FEW)
        size = (SIDE, SIDE) if published else None  # all frames of a long clip have to fit
        pictures = [one for _, one in read_frames(clip, places, size=size)]
        shown = _picture_features(model, processor, pictures, self.options.method)
        words = _text_features(model, tokenizer, told, self.options.method)
        return float((shown @ words.T).mean())

    def compare(self, original: float, generated: float) -> dict[str, float]:
        """The generated video's score."""
        return {"senbysen": generated}


def _squashed(picture: Picture) -> torch.Tensor:
    """RGB, shape (3, 224, 224), 0..255; smoothed as Pillow does it."""
    import torch

    tensor = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).permute(2, 0, 1)[None]
    size = (SIDE, SIDE)
    scaled = torch.nn.functional.interpolate(
        tensor.float(), size, mode="bilinear", antialias=True, align_corners=False
    )
    return scaled[0].round()


def _picture_features(
    model: Any, processor: Any, pictures: list[Picture], method: Method
) -> torch.Tensor:
    """Unit vectors, shape (pictures, features)."""
    import torch

    found = []
    for start in range(0, len(pictures), FEW):
        some = pictures[start : start + FEW]
        if method == "as-published":
            pixels = torch.stack([_squashed(one) for one in some])
        else:
            rgb = [np.ascontiguousarray(one[..., ::-1]) for one in some]
            pixels = processor(images=rgb, return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            found.append(_pooled(model.get_image_features(pixels.to(model.device))))
    return torch.nn.functional.normalize(torch.cat(found), dim=-1)


def _text_features(model: Any, tokenizer: Any, told: list[str], method: Method) -> torch.Tensor:
    """Unit vectors, shape (sentences, features); a sentence is cut at CLIP's 77 tokens."""
    import torch

    most = min(77, model.config.text_config.max_position_embeddings)
    inputs = tokenizer(
        told, return_tensors="pt", padding=True, truncation=True, max_length=most
    ).to(model.device)
    mask = None if method == "as-published" else inputs["attention_mask"]
    with torch.inference_mode():
        found = _pooled(model.get_text_features(inputs["input_ids"], attention_mask=mask))
    return torch.nn.functional.normalize(found, dim=-1)


def _pooled(found: Any) -> torch.Tensor:
    """The features themselves; transformers 5 hands them back in an output object."""
    features: torch.Tensor = getattr(found, "pooler_output", found)
    return features.float().cpu()


@lru_cache(maxsize=2)
def _load_vae(name: str, *, half: bool) -> Any:
    """From its own folder, or the folder ``vae`` of a pipeline."""
    try:
        import torch
        from diffusers import AutoencoderKLCogVideoX
    except ImportError as error:
        raise _lacking("3dvae", error) from error
    kind = torch.float16 if half else torch.float32
    problem: Exception | None = None
    for place in ({}, {"subfolder": "vae"}):
        try:
            vae = AutoencoderKLCogVideoX.from_pretrained(name, torch_dtype=kind, **place)
        except (OSError, ValueError) as error:
            problem = problem or error
        else:
            return vae.to(_device()).eval()
    raise MissingDependency(f"--vae {name}: no CogVideoX VAE can be loaded: {problem}") from problem


@lru_cache(maxsize=1)
def _load_clip(name: str) -> tuple[Any, Any, Any]:
    """Model, tokenizer, and what prepares its pictures."""
    try:
        import torch  # noqa: F401 (transformers imports without it, and then loads no model)
        from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel
    except ImportError as error:
        raise _lacking("senbysen", error) from error
    try:
        model = CLIPModel.from_pretrained(name).to(_device()).eval()
        tokenizer = AutoTokenizer.from_pretrained(name)
        return model, tokenizer, AutoImageProcessor.from_pretrained(name, use_fast=False)
    except (OSError, ValueError, ImportError) as error:
        raise MissingDependency(f"--clip {name}: no CLIP model can be loaded: {error}") from error


def _device() -> str:
    import torch

    there = torch.accelerator.is_available()
    return str(torch.accelerator.current_accelerator()) if there else "cpu"


def _lacking(metric: str, error: ImportError) -> MissingDependency:
    return MissingDependency(
        f"--metric {metric} needs {error.name}: pip install 'instancecap[models]'"
    )
