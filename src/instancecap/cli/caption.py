"""``instancecap caption``: the main job."""

from __future__ import annotations

import typer

from instancecap.api import Measured, Mllm, run
from instancecap.captioners.chain import ChainOptions
from instancecap.cli import terminal
from instancecap.cli.options import Filled, offered
from instancecap.engine.config import CaptionConfig
from instancecap.engine.sound import SoundOptions
from instancecap.evidence.choice import Cluster
from instancecap.mllm.server import Server
from instancecap.teachers import Teachers, read_teachers

CONFIG = Filled(CaptionConfig, {"keep": "", "sound": ""})
CLUSTER, SOUND = Filled(Cluster, {"preset": "cluster"}), Filled(SoundOptions)
SERVER = Filled(
    Server,
    {"url": "", "batch_results": ""}
    | {
        name: f"mllm_{name}"
        for name in ("model", "key_env", "concurrency", "timeout", "max_tokens", "wait")
    },
)
CHAIN = Filled(
    ChainOptions,
    {"input": "mllm_input", "prompts_dir": "prompts"}
    | dict.fromkeys(("image_side", "max_instances", "fields"), ""),
)


@offered("caption", CONFIG, CLUSTER, SOUND, SERVER, CHAIN)
def caption(
    inputs: list[str],
    *,
    captioner: str = "measured",
    teachers: str = "",
    mllm_url: list[str] | None = None,
    batch_results: list[str] | None = None,
    fields: str = "",
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Caption clips."""
    if verbose:
        terminal.log_to_stderr()
    config = CONFIG.fill(options, sound=SOUND.fill(options))
    server = SERVER.fill(options, url=mllm_url or "", batch_results=batch_results or ())
    chosen = frozenset(split_names(fields))
    writer: Measured | Mllm | Teachers
    if captioner == "measured":
        writer = Measured(language=str(options["language"]))
    elif captioner == "mllm":
        writer = Mllm(**vars(server), options=CHAIN.fill(options, fields=chosen or None))
    else:
        chain = CHAIN.fill(options, fields=chosen or None)
        writer = read_teachers(teachers, split_names(captioner), options=chain, server=server)
    is_dry = config.dry_run and captioner != "measured"
    told = bool(config.out) and not is_dry
    with terminal.watching(told=told, quiet=quiet or (is_dry and json), verbose=verbose) as watcher:
        cluster = CLUSTER.fill(options)
        done = run(inputs, captioner=writer, config=config, cluster=cluster, events=watcher)
    watcher.conclude(done)
    captions = [] if config.out else done.captions()
    if is_dry and not json:
        cost = {name: round(value) for name, value in done.cost.items() if name != "seconds"}
        print(f"{done.done} clips: {terminal.amounts(cost) or 'nothing to ask'}")
    elif json:
        shown = [one.model_dump(mode="json") for one in captions]
        terminal.print_json({**done.as_dict(), "captions": shown})
    else:
        terminal.print_captions(captions)
    raise typer.Exit(terminal.exit_status(done))


def split_names(text: str) -> list[str]:
    """Names out of ``A,B``."""
    return [name.strip() for name in text.split(",") if name.strip()]
