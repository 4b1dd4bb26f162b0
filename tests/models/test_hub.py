"""Models by hub id: what is listed, what lies in the cache, and what is said where none is had."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from instancecap.errors import MissingDependency
from instancecap.evidence.choice import PRESETS
from instancecap.evidence.presets import preset_models
from instancecap.models import hub
from instancecap.models.gpu import RESERVED, Gpu, find_gpu, missing_for, needed
from instancecap.models.hub import HubModel


class Gated(OSError):
    """What the hub's client raises for a model whose terms nobody accepted."""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The hub's client, with a cache of its own and an address where nobody answers."""
    constants = SimpleNamespace(
        HF_HUB_CACHE=str(tmp_path / "hub"), HF_HUB_OFFLINE=False, ENDPOINT="http://127.0.0.1:9"
    )
    fake = SimpleNamespace(constants=constants, errors=SimpleNamespace(GatedRepoError=Gated))
    monkeypatch.delenv("INSTANCECAP_OFFLINE", raising=False)
    monkeypatch.setattr(hub, "_client", lambda: fake)
    hub._ask.cache_clear()
    return fake


@pytest.fixture
def keep(client: SimpleNamespace) -> Callable[..., Path]:
    """Put a model into the cache."""

    def put(id: str, name: str = "model.safetensors", bytes: int = 1000) -> Path:
        folder = Path(client.constants.HF_HUB_CACHE, f"models--{id.replace('/', '--')}")
        path = folder / "snapshots" / "0123" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes * b"0")
        return path.parent

    return put


def test_what_is_listed_says_what_is_known_and_nothing_else() -> None:
    assert len(hub.KNOWN) > 20
    for model in hub.KNOWN.values():
        assert model.id.count("/") == 1
        assert model.needs
        assert (model.commercial is None) or model.licence, "nobody knows without a license"
        if model.disk and model.parameters:
            assert 1.9 <= model.disk / model.parameters <= 4.1, "bytes a parameter"
    assert hub.KNOWN["facebook/sam3"].gated
    assert hub.KNOWN["depth-anything/DA3-LARGE-1.1"].commercial is False


def test_what_lies_in_the_cache_is_found_and_not_asked_for(keep: Callable[..., Path]) -> None:
    assert hub.cached() == {}
    snapshot = keep("some/model-name", bytes=2000)
    keep("some/half", name="config.json")
    assert hub.cached() == {"some/model-name": snapshot}
    assert hub.size_of(snapshot) == 2000
    assert hub.pull("some/model-name") == snapshot


def test_without_a_hub_one_line_comes_at_once(client: SimpleNamespace) -> None:
    began = time.perf_counter()
    for _ in range(2):
        with pytest.raises(MissingDependency, match=r"model a/b: http.* cannot be reached") as told:
            hub.pull("a/b")
        assert "\n" not in str(told.value)
    assert time.perf_counter() - began < 2 * hub.PATIENCE


def test_a_resolver_that_never_answers_is_not_waited_for(
    client: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stand_still(*_: object, **__: object) -> None:
        time.sleep(1)
        raise OSError

    monkeypatch.setattr("urllib.request.urlopen", stand_still)
    monkeypatch.setattr(hub, "PATIENCE", 0.05)
    assert hub.why_closed() == "http://127.0.0.1:9 cannot be reached (no answer within 0.05 s)"


def test_what_forbids_downloads_is_named(
    client: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.constants.HF_HUB_OFFLINE = True
    assert hub.why_closed() == "HF_HUB_OFFLINE is set"
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    with pytest.raises(MissingDependency, match="INSTANCECAP_OFFLINE is set; run"):
        hub.pull("a/b")


def test_a_gated_model_says_where_its_terms_are(
    client: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(id: str, *, allow_patterns: list[str]) -> str:
        raise Gated("403")

    client.snapshot_download = refuse
    monkeypatch.setattr(hub, "_ask", lambda: "")
    with pytest.raises(MissingDependency, match=r"gated: accept its terms at http://127.*/a/b"):
        hub.pull("a/b")


def test_without_its_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingDependency, match=r"pip install 'instancecap\[models\]'"):
        hub.pull("a/b")


# The GPU -----------------------------------------------------------------------------------------

MODEL = HubModel(
    id="a/b", kind="detector", needs="numpy", parameters=100, activations=300, gated=True
)


UNKNOWN = HubModel(id="c/d", kind="camera", needs="numpy")


def test_memory_is_all_parameters_and_the_largest_batch() -> None:
    assert needed([MODEL]) == f"{(2 * 100 + 300 + RESERVED) / 1000:.1f} GB (computed)"
    single = replace(MODEL, single=True, activations=0.0)
    size = (2 * 100 + 4 * 100 + 300 + RESERVED) / 1000
    assert needed([MODEL, single]) == f"{size:.1f} GB (computed, of some the weights alone)"
    assert needed([UNKNOWN]) == "memory unknown"
    assert needed([MODEL, UNKNOWN]).endswith("without c/d)")


def test_models_that_work_together_say_whose_weights_are_missing() -> None:
    assert missing_for([MODEL, UNKNOWN], None, ["c/d"]) == [
        "no weights of a/b, and terms to accept"
    ]


def test_every_expert_of_a_preset_is_a_listed_model() -> None:
    models = preset_models()
    assert list(models) == [name for name in PRESETS if PRESETS[name]]
    for name, own in models.items():
        assert len(own) == len(set(PRESETS[name].values()))


@pytest.mark.parametrize(
    ("gpu", "cached", "lacks"),
    [
        (None, ["a/b"], []),
        (Gpu("small", 2000, 500 + RESERVED), ["a/b"], []),
        (Gpu("small", 2000, 499 + RESERVED), ["a/b"], ["too large for the GPU's free memory"]),
        (Gpu("large", 9000, 9000), [], ["no weights, and terms to accept"]),
    ],
)
def test_what_is_missing_is_told(gpu: Gpu | None, cached: list[str], lacks: list[str]) -> None:
    assert missing_for([MODEL], gpu, cached) == lacks


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("NVIDIA H200, 143771, 143000", Gpu("NVIDIA H200", 143771, 143000)),
        ("Some, 2nd Edition, 8000, 7000", Gpu("Some, 2nd Edition", 8000, 7000)),
        ("No devices were found", None),
        ("", None),
    ],
)
def test_the_driver_is_asked_which_gpu_is_there(
    answer: str, found: Gpu | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpu() == found
    program.unlink()
    assert find_gpu() is None


def test_a_folder_without_a_model_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(MissingDependency) as error:
        hub.is_local(str(tmp_path), option="detector", packages=("torch",))
    assert str(error.value).startswith(
        f"--detector {tmp_path}: the folder has no config.json; give"
    )
    assert "pull" not in str(error.value)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert hub.is_local(str(tmp_path), option="detector", packages=("torch",))
