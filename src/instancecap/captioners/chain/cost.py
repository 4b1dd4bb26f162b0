"""What asking about a clip will cost, known before anything is asked."""

from __future__ import annotations

import math

from instancecap.captioners.chain.answers import typical
from instancecap.captioners.chain.options import ChainOptions
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.chain.questions import Answered, Scene, Work
from instancecap.captioners.chain.write import CHAINS
from instancecap.mllm.base import Usage
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.sampling import fit_within

BYTES_PER_TOKEN = 4
"""Of text in UTF-8; English has about four letters a token, Chinese about one sign."""

PIXELS_PER_TOKEN = 28 * 28
"""Of a picture: a token of Qwen2.5-VL stands for 28 x 28 pixels; other models differ by a half."""

VIDEO_FRAMES = 32
"""That a server takes of a clip: vLLM's default; other servers and settings differ."""


def predict(
    evidence: Evidence,
    *,
    options: ChainOptions,
    clip: Clip | None = None,
    previous: Caption | None = None,
    hint: str = "",
) -> Usage:
    """What :func:`write` will cost if every question is answered at once and nothing is wrong.

    Calls and images are exact with ``detail="never"`` in mode ``fused``, and where nothing depends
    on how many instances the model lists; elsewhere it is taken to list the usual number. A
    question that is asked again comes on top. Tokens are estimated: of text by
    ``BYTES_PER_TOKEN``, of pictures by ``PIXELS_PER_TOKEN``, of answers from usual lengths.
    Seconds stay 0.

    ``clip`` is needed where ``options.input`` is ``video``. It counts as no image, and its tokens
    as those of ``VIDEO_FRAMES`` pictures.
    """
    prepared = sketch(evidence, options=options, clip=clip, previous=previous, hint=hint)
    scene = Scene(prepared, options)
    video = evidence.video
    side = min(options.image_side, max(2, video.width, video.height))
    width, height = fit_within(video.width / video.height, side)
    per_image = math.ceil(width * height / PIXELS_PER_TOKEN)
    chain = CHAINS[options.mode](scene)
    usage, step = Usage(), next(chain, None)
    while step is not None:
        if isinstance(step, Work):
            sent = step.run()
        else:
            sent = [Answered(one, typical(one.answer)) for one in step]
            for answered in sent:
                usage += _estimate(answered, scene, per_image=per_image)
        try:
            step = chain.send(sent)
        except StopIteration:
            break
    return usage


def _estimate(answered: Answered, scene: Scene, *, per_image: int) -> Usage:
    request = answered.question.request(scene.prompts, seed=0)
    texts = [part for one in request.messages for part in one.parts if isinstance(part, str)]
    pictures = request.images + VIDEO_FRAMES * request.has_video
    return Usage(
        calls=1,
        prompt_tokens=sum(map(_tokens, texts)) + pictures * per_image,
        completion_tokens=_tokens(answered.value.model_dump_json(warnings=False)),
        images=request.images,
    )


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)
