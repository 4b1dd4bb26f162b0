"""``instancecap export``: a ready dataset for a trainer, and a check of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Json, Quiet, Verbose
from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.datasets.export import CheckReport, Options, Report

TRAINERS = (
    "finetrainers, musubi-tuner, diffusion-pipe, videox-fun, diffsynth, open-sora-1.2, "
    "open-sora-2, cogvideo, cogvideo-sat, ai-toolkit, ltx-2, cosmos3, mochi, videofolder, "
    "webdataset; for captioners: llama-factory, ms-swift, trl"
)


def export(
    captions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAPTIONS",
            show_default=False,
            help="Captions of any format: .json, .jsonl, .csv or .parquet files, folders of them, "
            "or glob patterns. None with --check alone.",
        ),
    ] = None,
    *,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Folder of the dataset; it must be new or empty."
        ),
    ],
    for_: Annotated[
        str, typer.Option("--for", metavar="TRAINER", help=f"The trainer: {TRAINERS}.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(metavar="MODEL", help="The model that is trained, if not its only one."),
    ] = "",
    task: Annotated[Literal["t2v", "i2v"], typer.Option(help="i2v tells only what moves.")] = "t2v",
    length: Annotated[
        Literal["dense", "medium", "short", "tags"], typer.Option(help="How much a prompt tells.")
    ] = "dense",
    prefix: Annotated[str, typer.Option(metavar="TEXT", help="Trigger words in front.")] = "",
    suffix: Annotated[
        str, typer.Option(metavar="TEXT", help="Put behind, such as 'motion score: {motion}.'")
    ] = "",
    drop_fields: Annotated[
        float, typer.Option(min=0, max=1, metavar="P", help="Leave out each field this often.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of --drop-fields.")] = 0,
    question: Annotated[
        str, typer.Option(metavar="TEXT", help="What a captioner is asked, for its trainers.")
    ] = "",
    link: Annotated[
        Literal["symlink", "hardlink", "copy"],
        typer.Option(help="How whole files get into the dataset."),
    ] = "symlink",
    copy: Annotated[bool, typer.Option("--copy", help="Short for --link copy.")] = False,
    transcode: Annotated[
        bool,
        typer.Option("--transcode", help="Encode every clip to the rules of trainer and model."),
    ] = False,
    frames: Annotated[
        int, typer.Option(min=0, metavar="N", help="Frames of a clip that training asks for.")
    ] = 0,
    fps: Annotated[
        float, typer.Option(min=0, metavar="RATE", help="Frames a second, not the model's.")
    ] = 0.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height of the clips.")] = "",
    fit: Annotated[
        Literal["crop", "pad"], typer.Option(help="Cut off what stands over, or add bars.")
    ] = "crop",
    video_root: Annotated[
        str, typer.Option(metavar="DIR", help="Where relative paths of videos start.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export in DIR.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Read the dataset in DIR back as the trainer would.")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Write a dataset that a trainer reads, and check one."""
    from instancecap.datasets.export import Options, find_trainer, render_options

    if not captions and not check:
        raise UsageError("export: name CAPTIONS to write, or --check to read the dataset in --out")
    if captions and not for_:
        raise UsageError(f"--for: say for which trainer; allowed are {TRAINERS}")
    options = Options(
        render=render_options(
            find_trainer(for_),
            target=target,
            task=task,
            length=length,
            prefix=prefix,
            suffix=suffix,
            drop_fields=drop_fields,
            seed=seed,
        )
        if captions
        else None,
        question=question,
        link="copy" if copy else link,
        transcode=transcode,
        frames=frames,
        fps=fps,
        size=_parse_size(size),
        fit=fit,
        video_root=video_root,
        overwrite=overwrite,
    )
    warnings = terminal.WarningSummary(verbose=verbose)
    written = _write(captions, for_, out, options, warnings) if captions else None
    there = written is None or bool(written.outputs)
    # What was warned of while writing need not be said again.
    again = warnings if written is None else terminal.WarningSummary(verbose=False)
    checked = _check(for_, out, target, again) if check and there else None
    if not quiet:
        warnings.show()
        _summarize(written, checked, out)
    if json:
        terminal.print_json(_account(written, checked))
    failed = [report for report in (written, checked) if report is not None and report.failed]
    raise typer.Exit(int(bool(failed)))


def _parse_size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise UsageError(f"--size {text}: write it as WIDTHxHEIGHT, such as 832x480")
    return int(found[1]), int(found[2])


def _write(
    captions: list[str],
    trainer: str,
    out: str,
    options: Options,
    warnings: terminal.WarningSummary,
) -> Report:
    from instancecap.datasets.captions import read_captions
    from instancecap.datasets.export import export as write_dataset
    from instancecap.datasets.export import find_trainer

    return write_dataset(
        read_captions(captions),
        find_trainer(trainer),
        out,
        options=options,
        on_failure=terminal.note_failure,
        on_warning=warnings.add,
    )


def _check(trainer: str, out: str, target: str, warnings: terminal.WarningSummary) -> CheckReport:
    from instancecap.datasets.export import check as check_dataset

    return check_dataset(
        out,
        trainer=trainer,
        target=target,
        on_failure=terminal.note_failure,
        on_warning=warnings.add,
    )


def _summarize(written: Report | None, checked: CheckReport | None, out: str) -> None:
    if written is not None:
        made = ", ".join(f"{count} {how}" for how, count in written.made.items())
        failed = f", {len(written.failed)} failed" if written.failed else ""
        where = f" in {out} ({made})" if written.outputs else ""
        clips = "1 clip" if written.done == 1 else f"{written.done} clips"
        terminal.note(f"{clips}{where}{failed}, in {written.seconds:.1f} s")
    if checked is not None:
        terminal.note(f"checked: rows {checked.rows}, faults {len(checked.failed)}")
        dropped = f", {len(checked.dropped)} are dropped" if checked.dropped else ""
        trained = f"{checked.trained} of {checked.rows} clips, {checked.seconds:.1f} s"
        terminal.note(f"will be trained on: {trained}{dropped}")


def _account(written: Report | None, checked: CheckReport | None) -> dict[str, object]:
    """What a ``--json`` run says."""
    account: dict[str, object] = {}
    if written is not None:
        account |= {
            "trainer": written.trainer,
            "target": written.target,
            "done": written.done,
            "made": written.made,
            "failed": [{"input": one, "reason": why} for one, why in written.failed],
            "warnings": [{"clip": one, "text": text} for one, text in written.warnings],
            "outputs": written.outputs,
            "seconds": round(written.seconds, 3),
        }
    if checked is not None:
        account["check"] = {
            "trainer": checked.trainer,
            "target": checked.target,
            "rows": checked.rows,
            "trained": checked.trained,
            "seconds": round(checked.seconds, 3),
            "dropped": [{"row": where, "reason": why} for where, why in checked.dropped],
            "failed": [{"row": where, "reason": why} for where, why in checked.failed],
            "warnings": [{"row": where, "text": text} for where, text in checked.warnings],
        }
    return account
