"""What is done to one clip. Each work can be sent to another process, and so can its result."""

from __future__ import annotations

from dataclasses import dataclass

from instancecap.engine.inputs import Job


@dataclass(frozen=True, slots=True)
class Documents:
    """Finished documents as JSON text; empty where not asked for."""

    caption: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class CaptionWork:
    """Measure and describe.

    Attributes:
        max_instances: instances that a caption may have.
        keep_evidence: hand the evidence back beside the caption.
        threads: of the decoder and the networks, 0 for one a core.
    """

    max_instances: int = 3
    keep_evidence: bool = False
    threads: int = 0

    def __call__(self, job: Job) -> Documents:
        from instancecap.captioning.measured import describe
        from instancecap.evidence.build import measure

        evidence = measure(job.clip, threads=self.threads)
        caption = describe(evidence, max_instances=self.max_instances)
        return Documents(caption.to_json(), evidence.to_json() if self.keep_evidence else "")


@dataclass(frozen=True, slots=True)
class EvidenceWork:
    """Measure only.

    Attributes:
        masks: a mask per instance for every analysed frame.
        threads: of the decoder and the networks, 0 for one a core.
    """

    masks: bool = False
    threads: int = 0

    def __call__(self, job: Job) -> Documents:
        from instancecap.evidence.build import measure

        evidence = measure(job.clip, threads=self.threads, masks=self.masks)
        return Documents(evidence=evidence.to_json())
