"""What the networks of a cluster cost: they are the published ones; what is alive is counted."""

from __future__ import annotations

import pytest

from benchmarks.cluster import NETWORKS, Cost, LiveBytes, table, together
from instancecap.evidence.choice import PRESETS
from instancecap.models.hub import KNOWN

networks = pytest.mark.parametrize("id", NETWORKS)


@pytest.mark.models
@pytest.mark.filterwarnings("default")
@networks
def test_each_network_has_as_many_parameters_as_its_card_says(id: str) -> None:
    import torch
    import transformers

    with torch.device("meta"):
        model = NETWORKS[id].build(transformers)
    millions = sum(one.numel() for one in model.parameters()) / 1e6
    assert millions == pytest.approx(KNOWN[id].parameters, rel=0.02)


@pytest.mark.models
def test_the_most_bytes_that_are_alive_at_once() -> None:
    import torch

    given = torch.ones(1000)
    live = LiveBytes(torch)
    with live.watching:
        first = given + 1
        second = first.view(10, 100) * 2  # a view is no memory of its own
        del first
        assert float(second.sum()) == 4000
        torch.zeros(500)
    assert 8000 <= live.most < 8100


def test_a_preset_is_the_sum_of_its_networks() -> None:
    ids = [name for name in dict.fromkeys(PRESETS["best"].values()) if name in NETWORKS]
    costs = [Cost(id, 100.0, 10.0, 200.0, 50.0 * (1 + i), 2.0) for i, id in enumerate(ids)]
    assert len(ids) == 2, "a detector, and one network that segments and follows"
    assert together("best", costs) == Cost("--cluster best", 200.0, 20.0, 400.0, 100.0, 1.0)
    assert together("best", costs[:1]) is None, "half of it says nothing of the whole"
    assert together("fast", costs) is None


def test_every_figure_says_whether_it_was_measured() -> None:
    computed = Cost("a/b", 20.0, 2.5, 40.0, 400.0)
    measured = Cost("c/d", 20.0, 0.0, 40.0, 410.0, 12.0)
    _, _, first, second = table([computed, measured], batch=8).splitlines()
    assert "2.5 T (computed)" in first and "400 MB (computed)" in first
    assert "not measured" in first
    assert "not counted" in second and "410 MB (measured)" in second and "| 12.0 |" in second
