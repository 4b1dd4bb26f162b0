"""A frame is shown as a player shows it: the right way round, in the usual range of light."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from instancecap.errors import DecodeError
from instancecap.video import Clip, ClipReader, probe
from instancecap.video.display import tone_map
from tests.video.test_decode import write_gray
from tests.video.test_probe import quadrants

IDENTITY = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


def write_picture(path: Path, picture: np.ndarray, *, count: int = 5, **color: int) -> Path:
    """A video of one picture (RGB), with FFmpeg's numbers of ``colorspace`` and so on."""
    height, width, _ = picture.shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(10), options={"qp": "4"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        for name, value in color.items():
            setattr(stream.codec_context, name, value)
        for _ in range(count):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv444p", dst_colorspace=color.get("colorspace"))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def first(path: Path) -> tuple[np.ndarray, ClipReader]:
    with ClipReader(Clip.open(path)) as reader:
        pictures = [frame.bgr() for frame in reader]
    return pictures[0].astype(int), reader


FORMS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p),
}
MATRICES = {
    1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
    5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0),
}  # fmt: skip
"""The eight ways a frame can be shown, by their number in EXIF, and as a display matrix."""


@pytest.mark.parametrize("form", FORMS)
def test_a_video_is_shown_by_its_matrix(tmp_path: Path, form: int) -> None:
    path = write_picture(tmp_path / "turned.mp4", quadrants()[:, :, ::-1])
    a, b, c, d = (65536 * one for one in MATRICES[form])
    data = path.read_bytes()
    at = data.rindex(IDENTITY)  # the track's, after the movie's
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:at] + matrix + data[at + len(matrix) :])
    picture, reader = first(path)
    expected = FORMS[form](quadrants())
    with ClipReader(Clip.open(path)) as again:
        frame = next(iter(again))
    height, width = expected.shape[:2]
    assert frame.bgr((width // 2, height // 2)).shape == (height // 2, width // 2, 3)
    luma = cv2.cvtColor(np.ascontiguousarray(expected), cv2.COLOR_BGR2GRAY).astype(int)
    assert np.abs(frame.gray() - luma).mean() < 20
    assert (reader.info.height, reader.info.width) == expected.shape[:2]
    assert np.abs(picture - expected.astype(int)).mean() < 8
    assert reader.info.mirrored == (form in (2, 4, 5, 7))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photo_is_shown_by_its_exif(tmp_path: Path, form: int, order: str) -> None:
    done, encoded = cv2.imencode(".jpg", quadrants())
    assert done
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, form, 0)
    exif = b"Exif\0\0" + mark + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4)
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded.tobytes()[:2] + segment + encoded.tobytes()[2:])
    picture, _ = first(path)
    assert picture.shape == FORMS[form](quadrants()).shape
    # OpenCV turns photos by itself.
    assert np.abs(picture - cv2.imread(str(path)).astype(int)).mean() < 8


@pytest.mark.parametrize(
    ("name", "corner"),
    [("plain", (0, 0)), ("hflip", (0, 1)), ("vflip", (1, 0)), ("rot90", (0, 1))],
)
def test_the_reported_mirrors(cases_dir: Path, name: str, corner: tuple[int, int]) -> None:
    plain, _ = first(cases_dir / "13-mirrored" / "plain.mp4")
    shown, _ = first(cases_dir / "13-mirrored" / f"{name}.mp4")
    rows, columns = np.nonzero(shown.max(axis=2) == shown.max())
    where = (rows.mean() > shown.shape[0] / 2, columns.mean() > shown.shape[1] / 2)
    assert where == corner
    assert sorted(shown.shape) == sorted(plain.shape)


# Light -------------------------------------------------------------------------------------------

BT2020, PQ, HLG = 9, 16, 18
WHITES = {"PQ": (PQ, 0.5806), "HLG": (HLG, 0.75)}
"""FFmpeg's number of the curve, and the value of diffuse white on it (ITU-R BT.2408)."""


@pytest.mark.parametrize("curve", WHITES)
def test_diffuse_white_is_white_and_dark_stays_dark(tmp_path: Path, curve: str) -> None:
    number, white = WHITES[curve]
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, 16:32] = round(0.4 * white * 255)
    picture[:, 32:48] = round(white * 255)
    picture[:, 48:] = 255
    path = write_picture(
        tmp_path / "hdr.mp4", picture, color_trc=number, color_primaries=BT2020, colorspace=BT2020
    )
    shown, reader = first(path)
    levels = [int(shown[16, column].mean()) for column in (8, 24, 40, 56)]
    assert levels[0] <= 4
    assert 30 < levels[1] < 130
    assert 238 <= levels[2] <= 250
    assert levels[2] < levels[3] <= 255
    assert np.ptp(shown[16, 40]) <= 3, "gray stays gray"
    assert reader.info.transfer == curve
    (warning,) = reader.warnings
    assert warning == f"{curve} high dynamic range was mapped to the range of usual video"
    with ClipReader(Clip.open(path)) as again:
        gray = next(iter(again)).gray((64, 32))
    assert abs(int(gray[16, 40]) - levels[2]) <= 3


@pytest.mark.parametrize("curve", ["PQ", "HLG"])
def test_brighter_is_never_darker(curve: str) -> None:
    ramp = np.repeat(np.arange(0, 65536, 64, dtype=np.uint16)[None, :, None], 3, axis=2)
    shown = tone_map(ramp, curve).astype(int)
    assert (np.diff(shown[0, :, 0]) >= 0).all()
    assert (shown[0, 0, 0], shown[0, -1, 0]) == (0, 255)


def test_usual_video_is_left_alone(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "sdr.mp4", np.full((32, 32, 3), 190, np.uint8), color_trc=1)
    shown, reader = first(path)
    assert abs(shown.mean() - 190) < 3
    assert (reader.info.transfer, reader.warnings) == ("", [])


def test_the_reported_hlg(cases_dir: Path) -> None:
    shown, reader = first(cases_dir / "15-hdr-baked" / "hlg.mp4")
    assert 238 <= shown[5, 5].min() <= shown[5, 5].max() <= 250
    assert len(reader.warnings) == 1


# Covers and animations ---------------------------------------------------------------------------


def with_cover(path: Path, source: Path | None) -> Path:
    """A Matroska-free file of sound, or of a video, whose first stream is a cover picture."""
    done, encoded = cv2.imencode(".jpg", quadrants())
    assert done
    with av.open(str(path), "w") as target:
        cover = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 60, 40, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        copy = None
        opened = av.open(str(source)) if source else None
        if opened is not None:
            copy = target.add_stream_from_template(opened.streams.video[0])
        packet = av.Packet(encoded.tobytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = cover, 0, 0, Fraction(1, 1)
        target.mux(packet)
        if opened is not None:
            for one in opened.demux(opened.streams.video[0]):
                if one.dts is not None:
                    one.stream = copy
                    target.mux(one)
            opened.close()
    return path


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    video = write_gray(tmp_path / "video.mp4", [20, 120, 220], size=(64, 48))
    both = with_cover(tmp_path / "both.mp4", video)
    with av.open(str(both)) as container:
        assert len(container.streams.video) == 2, "the file has both"
    _, reader = first(both)
    assert (reader.info.width, reader.info.height, reader.frames_read) == (64, 48, 3)
    with pytest.raises(DecodeError, match=r"has no video stream but its cover picture"):
        probe(Clip.open(with_cover(tmp_path / "cover.mp4", None)))


def write_animation(path: Path, durations: list[int]) -> list[int]:
    """An animation of plain gray pictures; ``durations`` in milliseconds. Returns the levels."""
    levels = [20 + 30 * index for index in range(len(durations))]
    animation = cv2.Animation()
    animation.frames = [np.full((40, 60, 3), level, np.uint8) for level in levels]
    animation.durations = np.array(durations, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    return levels


@pytest.mark.parametrize("suffix", ["mkv", "mov", "mp4"])
def test_a_cover_is_known_without_its_mark(tmp_path: Path, suffix: str) -> None:
    video = write_gray(tmp_path / "video.mp4", [20, 120, 220], size=(64, 48))
    _, reader = first(with_cover(tmp_path / f"both.{suffix}", video))
    assert (reader.info.width, reader.frames_read) == (64, 3)


def test_pictures_without_a_duration_are_shown_for_a_while(tmp_path: Path) -> None:
    write_animation(tmp_path / "zero.webp", [0] * 5)
    with ClipReader(Clip.open(tmp_path / "zero.webp")) as reader:
        assert [frame.t for frame in reader] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("suffix", ["webp", "avif", "gif", "png"])
def test_an_animation_is_a_clip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moves.{suffix}"
    levels = write_animation(path, [100, 100, 200, 100])
    with ClipReader(Clip.open(path)) as reader:
        frames = [(frame.t, frame.bgr((30, 20)).mean()) for frame in reader]
    assert [t for t, _ in frames] == pytest.approx([0.0, 0.1, 0.2, 0.4], abs=1e-3)
    assert [level for _, level in frames] == pytest.approx(levels, abs=4)
    assert reader.end == pytest.approx(0.5, abs=0.06)
    with ClipReader(Clip.open(path, start=0.15, end=0.45)) as span:
        assert [frame.t for frame in span] == pytest.approx([0.05, 0.25], abs=1e-3)


def test_a_long_webp_is_read_in_windows(tmp_path: Path) -> None:
    path = tmp_path / "long.webp"
    animation = cv2.Animation()
    expected = [37 * index % 256 for index in range(80)]
    animation.frames = [np.full((8, 8, 3), level, np.uint8) for level in expected]
    animation.durations = np.full(80, 40, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    with ClipReader(Clip.open(path)) as reader:
        levels = [frame.bgr().mean() for frame in reader]
    assert levels == pytest.approx(expected, abs=3)
    assert (reader.info.frames, reader.info.duration) == (80, pytest.approx(3.2))


def test_a_still_webp_and_a_damaged_animation(tmp_path: Path) -> None:
    still = tmp_path / "still.webp"
    cv2.imwrite(str(still), quadrants())
    _, reader = first(still)
    assert (reader.frames_read, reader.info.fps) == (1, 0.0)
    path = tmp_path / "cut.webp"
    write_animation(path, [100] * 4)
    path.write_bytes(path.read_bytes()[:-150])
    with suppress(DecodeError):
        assert 1 <= first(path)[1].frames_read <= 4
