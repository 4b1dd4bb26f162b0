"""Which models by hub id the presets of experts need, and what is missing of them."""

from __future__ import annotations

from functools import cache

from instancecap.errors import MissingDependency
from instancecap.evidence.cameras import SIZES
from instancecap.evidence.choice import PRESETS, Cluster
from instancecap.evidence.experts.neural import cotracker
from instancecap.models import hub
from instancecap.models.gpu import EXTRA, packages_of
from instancecap.models.hub import KNOWN, HubModel
from instancecap.models.licenses import is_accepted

SHORT = {**SIZES, "cotracker3": "facebook/cotracker3"}
"""Hub ids of experts that have a shorter name."""


def preset_models() -> dict[str, list[HubModel]]:
    """Each preset's models by hub id, those that it needs any of; a model of two experts once."""
    found = {}
    for preset, names in PRESETS.items():
        ids = dict.fromkeys(SHORT.get(name, name) for name in names.values())
        if models := [KNOWN[id] for id in ids if id in KNOWN]:
            found[preset] = models
    return found


@cache
def check_preset(cluster: Cluster) -> None:
    """Tell at once all that the experts lack which a preset names, and nobody else.

    Raises:
        MissingDependency: weights that no hub can be asked for, packages, or licenses that have to
            be accepted; the message names each of them.
    """
    kinds: dict[str, list[str]] = {}
    for kind, name in PRESETS.get(cluster.preset, {}).items():
        if getattr(cluster, kind) == name:
            kinds.setdefault(SHORT.get(name, name), []).append(kind)
    if not kinds:
        return
    models = [KNOWN[id] for id in kinds]
    try:
        closed, cached = hub.why_closed(), hub.cached()
    except MissingDependency as error:
        closed, cached = str(error), {}
    lacks: list[str] = []
    packages: dict[str, list[str]] = {}
    for one in models:
        by_torch = one.id == SHORT["cotracker3"]  # or by its package, never from the other hub
        if by_torch and cotracker.is_at_hand():
            continue
        if by_torch or (closed and one.id not in cached):
            lacks.append(f"{one.id} ({' and '.join(kinds[one.id])}, {_described(one)})")
        how = f"pip install '{EXTRA}'" if one.needs == EXTRA else "see docs/experts.md"
        if absent := [name for name in packages_of(one) if not hub.is_installed(name)]:
            packages[how] = absent
    lacks += [f"{' and '.join(names)} ({how})" for how, names in packages.items()]
    lacks += [
        f"consent to the license of {one.id} (--accept-license {one.licence})"
        for one in models
        if not is_accepted(one.licence, accepted=cluster.accept_license)
    ]
    if lacks:
        raise MissingDependency(
            f"--cluster {cluster.preset} lacks {'; '.join(lacks)}. Weights are had by "
            "'instancecap models pull ID' where a hub is reached"
        )


def _described(model: HubModel) -> str:
    size = f"{model.parameters:g} M parameters" if model.parameters else "size unknown"
    return f"{model.licence or 'license unknown'}, {f'{model.disk:g} MB' if model.disk else size}"
