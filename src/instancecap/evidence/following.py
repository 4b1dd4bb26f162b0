"""Follow what somebody has pointed at, by the tracker and the detector of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.cluster import load_models
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.film import Film, FilmMaker
from instancecap.evidence.tracking.follow import Followed, Key, follow_in
from instancecap.evidence.tracking.refine import follow_masks
from instancecap.schema.evidence import Shot
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader


def film_of(clip: Clip, *, threads: int = 0) -> Film:
    """The frames to follow things on, read in one pass.

    Raises:
        InputError: the clip cannot be opened or decoded.
    """
    with ClipReader(clip, threads=threads) as reader:
        maker = FilmMaker(aspect=reader.info.aspect, duration=reader.info.duration)
        for frame in reader:
            maker.see(frame)
    return maker.film


def follow(
    film: Film,
    seeds: Mapping[Key, Sequence[Seed]],
    *,
    shots: Sequence[Shot] = (),
    cluster: Cluster = DEFAULT,
) -> dict[Key, Followed]:
    """Follow each thing from its boxes, one to three of them; nothing is followed over a cut.

    Raises:
        MissingDependency, UsageError: an expert that was chosen cannot be had.
    """
    models = load_models(cluster)
    tracking = models.tracking
    if tracking.video is not None:
        with suppress(MemoryError):  # of the GPU; then they are followed by their boxes
            return follow_masks(film, seeds, shots=shots, tracker=tracking.video)
    found = follow_in(film, seeds, shots=shots, detector=models.detector, start=tracking.start)
    if not tracking.name or tracking.video is not None:
        return found
    return {key: replace(one, tracker=tracking.name) for key, one in found.items()}
