"""``instancecap web``: look at captions and make them, in the browser."""

from __future__ import annotations

from instancecap.cli.options import Filled, offered
from instancecap.evidence.choice import Cluster
from instancecap.mllm.server import Server
from instancecap.web.app.config import AppConfig
from instancecap.web.app.serve import serve

CONFIG = Filled(AppConfig, {"source": "", "server": "", "cluster": "", "limits": ""})


@offered("web", CONFIG)
def web(
    source: str = "",
    *,
    mllm_url: list[str] | None = None,
    mllm_model: str = "",
    mllm_key_env: str = "OPENAI_API_KEY",
    cluster: str = "",
    detector: str = "",
    phrases: str = "",
    tracker: str = "",
    **options: object,
) -> None:
    """Open the app."""
    server = Server(url=mllm_url or (), model=mllm_model, key_env=mllm_key_env)
    experts = Cluster(preset=cluster, detector=detector, phrases=phrases, tracker=tracker)
    serve(CONFIG.fill(options, source=source, server=server, cluster=experts))
