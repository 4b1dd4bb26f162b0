"""What a model is shown of an instance: made frames with exact shapes, and real clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.views import crop_around
from instancecap.captioners.visual_prompts import (
    VARIANTS,
    VisualPrompt,
    blurred,
    to_jpeg,
    visual_prompts,
)
from instancecap.errors import UsageError
from instancecap.evidence.experts.masks import encode_mask
from instancecap.video import Clip, Frame
from tests.captioners.chain.crossing import (
    FPS,
    SIZE,
    box_of,
    followed,
    measured_as,
    only,
    scene,
    shape_of,
)
from tests.made import thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDES = {"square": (180, 180), "wide": (90, 331), "tall": (301, 151), "tiny": (9, 16)}
SOFT = 6
"""Pixels on each side of a mask's edge that the soft edge and the smoothing may touch."""


def prompt(variant: str = "blur", **options: Any) -> VisualPrompt:
    """The prompt of the made scene, at the frames' own size."""
    clip = Clip.from_frames(scene(), FPS)
    return only(visual_prompts(clip, measured_as(followed()), variant=variant, **options))  # type: ignore[arg-type]


def zones(t: float, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is surely within the made thing at ``t``, and what is surely without."""
    mask = shape_of(round(t * FPS), 20).astype(np.uint8)
    assert mask.shape == picture.shape[:2]
    kernel = np.ones((2 * SOFT + 1, 2 * SOFT + 1), np.uint8)
    return cv2.erode(mask, kernel) > 0, cv2.dilate(mask, kernel) == 0


def grain(picture: np.ndarray, where: np.ndarray) -> float:
    """How much neighboring pixels differ, gray values."""
    fine = cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    return float(fine[where].std())


# What is done to the surroundings ----------------------------------------------------------------


def test_blur_takes_the_things_out_of_the_surroundings_and_leaves_their_colors() -> None:
    shown, frames = prompt("blur"), scene()
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        frame = frames[round(t * FPS)]
        inside, outside = zones(t, picture)
        assert (picture[inside] == frame[inside]).all()
        assert grain(picture, outside) < 0.05 * grain(frame, outside)
        # The copy is of the whole frame: near the thing it takes on some of its color.
        assert picture[outside].mean(axis=0) == pytest.approx(frame[outside].mean(axis=0), abs=15)
        assert blurred(frame).mean(axis=(0, 1)) == pytest.approx(frame.mean(axis=(0, 1)), abs=3)
        left, right = picture[:20, :60, 1].mean(), picture[:20, -60:, 1].mean()
        assert right - left > 30  # greener to the right, as it was


def test_the_edge_is_soft() -> None:
    shown = prompt("color", color=(0, 0, 0))
    row = shown.pictures[0][SIZE[0] // 2, :, 0].astype(int)
    first = int(np.flatnonzero(row)[0])
    assert row[first] < 70 < row[first + 6]


def test_color_is_plain() -> None:
    for given_color, options in (((128,) * 3, {}), ((0, 90, 255), {"color": (0, 90, 255)})):
        shown, frames = prompt("color", **options), scene()
        for t, picture in zip(shown.times, shown.pictures, strict=True):
            inside, outside = zones(t, picture)
            assert (picture[inside] == frames[round(t * FPS)][inside]).all()
            assert (picture[outside] == given_color).all()


def test_outline_draws_a_red_ring_and_touches_nothing_else() -> None:
    shown, frames = prompt("outline"), scene()
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        frame, mask = frames[round(t * FPS)], shape_of(round(t * FPS), 20)
        changed = (picture != frame).any(axis=2)
        assert (picture[changed] == (255, 0, 0)).all()
        inside, outside = zones(t, picture)
        assert not changed[inside | outside].any()
        rings, _ = cv2.findContours(changed.astype(np.uint8), cv2.RETR_EXTERNAL,
                                    cv2.CHAIN_APPROX_NONE)  # fmt: skip
        filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), rings, -1, 1, cv2.FILLED)
        assert len(rings) == 1
        assert (filled[mask] > 0).mean() > 0.99


def test_none_shows_the_frames_as_they_are() -> None:
    shown, frames = prompt("none"), scene()
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        assert (picture == frames[round(t * FPS)]).all()


def test_a_crop_shows_the_thing_with_a_margin_enlarged_at_most_twice() -> None:
    shown, frames = prompt("crop"), scene()
    height, width = SIZE
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        x0, y0, x1, y1 = crop_around(np.array(box_of(round(t * FPS), 20)), size=(width, height))
        assert picture.shape == (2 * (y1 - y0), 2 * (x1 - x0), 3)
        part = frames[round(t * FPS)][y0:y1, x0:x1]
        small = cv2.resize(picture, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(int) - part).mean() < 8
    assert max(only_crop.shape[0] for only_crop in prompt("crop", side=64).pictures) <= 64


@pytest.mark.parametrize("missing", ["top", "bottom", "left", "right", "inside", "nothing"])
def test_what_a_mask_misses_of_its_box_is_shown(missing: str) -> None:
    frames = scene()
    item = followed(masks=False)
    for index in range(20):
        mask = shape_of(index, 20)
        ys, xs = np.nonzero(mask)
        middle = int(ys.mean()), int(xs.mean())
        if missing in ("top", "bottom"):
            mask[slice(None, middle[0]) if missing == "top" else slice(middle[0], None)] = False
        elif missing in ("left", "right"):
            part = slice(None, middle[1]) if missing == "left" else slice(middle[1], None)
            mask[:, part] = False
        elif missing == "inside":
            mask[middle[0] - 8 : middle[0] + 8, middle[1] - 8 : middle[1] + 8] = False
        item.masks.append(encode_mask(mask, t=index / FPS, size=SIZE))
    shown = only(visual_prompts(Clip.from_frames(frames, FPS), measured_as(item)))
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        inside, _ = zones(t, picture)
        kept = (picture == frames[round(t * FPS)]).all(axis=2)
        assert kept[inside].mean() > 0.99
        x0, y0, x1, y1 = np.multiply(box_of(round(t * FPS), 20), (SIZE[1], SIZE[0]) * 2)
        kept[int(y0) - SOFT : int(y1) + SOFT, int(x0) - SOFT : int(x1) + SOFT] = False
        assert kept.mean() < 0.01


def test_without_masks_the_thing_is_cut_out_of_its_box() -> None:
    clip = Clip.from_frames(scene(), FPS)
    for item in (followed(masks=False), followed()):
        item.masks = [mask for mask in item.masks if mask.t > 1.9]  # none near the others
        shown = only(visual_prompts(clip, measured_as(item), variant="color", color=(0, 255, 0)))
        for t, picture in zip(shown.times, shown.pictures, strict=True):
            seen = (picture != (0, 255, 0)).any(axis=2)
            truth = shape_of(round(t * FPS), 20)
            assert (seen & truth).sum() / truth.sum() > 0.9
            assert (seen & truth).sum() / seen.sum() > 0.75


def test_an_empty_mask_is_no_mask() -> None:
    item = followed(masks=False)
    item.masks = [encode_mask(np.zeros(SIZE, bool), t=i / FPS, size=SIZE) for i in range(20)]
    clip = Clip.from_frames(scene(), FPS)
    shown, plain = (
        only(visual_prompts(clip, measured_as(one))) for one in (item, followed(masks=False))
    )
    assert all((a == b).all() for a, b in zip(shown.pictures, plain.pictures, strict=True))


@settings(max_examples=20)
@given(st.integers(1, 400), st.integers(1, 400), st.tuples(*[st.integers(0, 255)] * 3))
def test_a_plain_picture_blurs_to_itself(
    width: int, height: int, color: tuple[int, int, int]
) -> None:
    picture = np.full((height, width, 3), color, np.uint8)
    assert (blurred(picture) == picture).all()


# Instances, errors, odd clips --------------------------------------------------------------------


def test_instances_come_in_the_order_asked_for_and_those_without_a_track_not_at_all() -> None:
    unseen = followed(id=2)
    unseen.track = []
    evidence = measured_as(followed(id=7), unseen, followed(id=1))
    clip = Clip.from_frames(scene(), FPS)

    def ids(instances: list[int] | None) -> list[int]:
        found = visual_prompts(clip, evidence, variant="none", instances=instances, frames=2)
        return [one.instance for one in found]

    assert ids(None) == [7, 1]
    assert ids([1, 2, 7, 1]) == [1, 7]
    assert ids([2]) == ids([]) == []
    with pytest.raises(UsageError, match="no instance 3, 9 in the evidence; it has: 7, 2, 1"):
        ids([3, 7, 9])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "blurr"}, "'blurr'; allowed: blur, color, outline, crop, none"),
        ({"frames": 0}, "frames must be at least 1, got 0"),
        ({"side": 1}, "side must be at least 16 pixels, got 1"),
        ({"color": (0, 0, 256)}, r"color must be red, green, blue in 0..255, got \(0, 0, 256\)"),
        ({"instances": [4]}, "no instance 4 in the evidence; it has: none"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_before_anything_is_opened(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        visual_prompts(Clip.open("not there.mp4"), measured_as(), **options)


def test_evidence_of_another_span_is_refused() -> None:
    with pytest.raises(UsageError, match=r"clip starts at 0.5 s, but .* measured from 0 s on"):
        visual_prompts(Clip.open("not there.mp4", start=0.5), measured_as(followed()))


def test_pictures_cannot_be_written_to() -> None:
    for variant in VARIANTS:
        with pytest.raises(ValueError, match="read-only"):
            prompt(variant, frames=1).pictures[0][0] = 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("count", [1, 7])
def test_any_size_and_length_works(variant: Any, size: tuple[int, int], count: int) -> None:
    clip = Clip.from_frames(scene(count, size), FPS)
    for masks in (True, False):
        evidence = measured_as(followed(count, size, masks=masks), size=size)
        shown = only(visual_prompts(clip, evidence, variant=variant, side=160))
        assert len(shown.times) == count
        for picture in shown.pictures:
            assert picture.dtype == np.uint8
            assert picture.ndim == 3
            limit = 2 * max(size) if variant == "crop" else max(size)
            assert max(picture.shape[:2]) <= min(160, limit)


def test_a_jpeg_keeps_red_red() -> None:
    picture = np.full((32, 32, 3), (200, 30, 10), np.uint8)
    data = to_jpeg(picture, quality=95)
    assert data.startswith(b"\xff\xd8")
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert back is not None
    assert np.abs(back.astype(int) - picture).max() < 6
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    assert len(to_jpeg(noise, quality=20)) < len(to_jpeg(noise))
    with pytest.raises(UsageError, match=r"quality must be in 1..100, got 0"):
        to_jpeg(picture, quality=0)


# Real clips --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_real_clip_is_shown_instance_by_instance(
    measured: Any, clips_dir: Path, variant: Any
) -> None:
    evidence = measured("everyday/woman_dog.mp4")
    clip = Clip.open(clips_dir / "everyday" / "woman_dog.mp4")
    prompts = visual_prompts(clip, evidence, variant=variant, side=512)
    assert [one.instance for one in prompts] == [item.id for item in evidence.instances]
    for one, item in zip(prompts, evidence.instances, strict=True):
        assert 1 <= len(one.times) == len(one.pictures) <= 8
        assert list(one.times) == sorted(set(one.times))
        assert item.track[0].t - 1e-3 <= one.times[0]
        assert one.times[-1] <= item.track[-1].t + 1e-3
        for picture in one.pictures:
            assert max(picture.shape[:2]) <= 512
            assert 0 < len(to_jpeg(picture)) < 250_000
    again = visual_prompts(clip, evidence, variant=variant, side=512, threads=1)
    for one, two in zip(prompts, again, strict=True):
        assert one.times == two.times
        assert all((a == b).all() for a, b in zip(one.pictures, two.pictures, strict=True))


def test_the_true_thing_is_seen_and_little_else(measured: Any, clips_dir: Path) -> None:
    evidence = measured("masks/car-roundabout.mp4")
    clip = Clip.open(clips_dir / "masks" / "car-roundabout.mp4")
    green = (0, 255, 0)
    shown = visual_prompts(clip, evidence, variant="color", color=green, instances=[0])[0]
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        path = clips_dir / "masks" / "car-roundabout" / f"{round(t * evidence.video.fps):05d}.png"
        drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert drawn is not None
        size = picture.shape[1], picture.shape[0]
        truth = cv2.resize(drawn, size, interpolation=cv2.INTER_NEAREST) > 0
        seen = (picture != green).any(axis=2)
        assert (seen & truth).sum() / truth.sum() > 0.8
        assert (seen & truth).sum() / seen.sum() > 0.6


def test_a_span_is_shown_at_its_own_times(measured: Any, clips_dir: Path) -> None:
    name = "everyday/woman_dog.mp4"
    evidence = measured(name, 1.0, 3.0)
    part = Clip.open(clips_dir / name, start=1.0, end=3.0)
    shown = visual_prompts(part, evidence, variant="none", frames=3)[0]
    assert shown.times[0] >= 0
    assert shown.times[-1] <= 2.0
    whole = {round(frame.t, 2): frame for frame in _pictures(clips_dir / name, shown)}
    for t, picture in zip(shown.times, shown.pictures, strict=True):
        height, width = picture.shape[:2]
        rgb = cv2.cvtColor(whole[round(t + 1.0, 2)].bgr((width, height)), cv2.COLOR_BGR2RGB)
        assert (rgb == picture).all()


def _pictures(path: Path, shown: VisualPrompt) -> list[Frame]:
    from instancecap.video import ClipReader

    times = {round(t + 1.0, 2) for t in shown.times}
    with ClipReader(Clip.open(path)) as reader:
        return [frame for frame in reader if round(frame.t, 2) in times]


def test_a_rotated_video_is_shown_upright(clips_dir: Path) -> None:
    from instancecap.video import probe

    clip = Clip.open(clips_dir / "odd" / "nasa_13013_rotated.mp4", end=1.0)
    info = probe(clip)
    assert info.rotation in (90, 270)
    size = info.height, info.width
    item = thing("object", (0.0, 0.0, 0.5, 0.5), times=(0.0, 0.9), points=10)
    mask = np.zeros(size, bool)
    mask[: size[0] // 2, : size[1] // 2] = True  # the upper left of what is displayed
    item.masks = [encode_mask(mask, t=i / 10, size=size) for i in range(10)]
    evidence = measured_as(item, size=size)
    plain, shown = (
        only(visual_prompts(clip, evidence, variant=variant, frames=2))
        for variant in ("none", "color")
    )  # fmt: skip
    for before, after in zip(plain.pictures, shown.pictures, strict=True):
        height, width = after.shape[:2]
        assert (width < height) == (info.width < info.height)
        corner = slice(0, height // 2 - SOFT), slice(0, width // 2 - SOFT)
        assert (before[corner] == after[corner]).all()
        assert (after[height // 2 + SOFT :] == 128).all()
        assert (after[:, width // 2 + SOFT :] == 128).all()
