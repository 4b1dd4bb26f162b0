"""What a large run takes, by simulation: ``python -m benchmarks.plan --clips 10000000``.

Clips pass through two queues: CPU cores that measure, then model servers that answer. Each stage
works in ticks of a minute; what waits between them is bounded, so a full queue holds the first
stage back. Nodes fail at random, and what they had in flight is done again. All rates and prices
are arguments; measure yours with ``python -m benchmarks.evidence`` and ``instancecap caption
--dry-run``. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict, dataclass

TICK = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What there is, what a clip costs, and what an hour costs.

    Attributes:
        cpu_seconds: of one core, for one second of film; for decoding and evidence.
        tokens_in, tokens_out: of one clip, pictures counted as tokens; 0 for no model.
        rate_in, rate_out: tokens a second of one server, read and written at the same time.
        waiting: clips that may wait between the stages.
        mtbf: hours between two failures of one node.
    """

    clips: int
    seconds: float
    nodes: int
    cores: int
    cpu_seconds: float
    servers: int
    tokens_in: float
    tokens_out: float
    rate_in: float
    rate_out: float
    waiting: int
    mtbf: float
    core_price: float
    server_price: float
    seed: int


def simulate(cluster: Cluster) -> dict[str, float | str]:
    """Run the queues until every clip is done."""
    chance = random.Random(cluster.seed)
    node_rate = cluster.cores / (cluster.cpu_seconds * cluster.seconds)
    asks = cluster.tokens_in + cluster.tokens_out > 0
    answer = cluster.tokens_in / cluster.rate_in + cluster.tokens_out / cluster.rate_out
    answered_rate = cluster.servers / answer if asks else float("inf")
    todo, queue, done, elapsed = float(cluster.clips), 0.0, 0.0, 0.0
    busy_cores = busy_servers = again = 0.0
    while done < cluster.clips - 0.5:
        lost = sum(chance.random() < TICK / 3600 / cluster.mtbf for _ in range(cluster.nodes))
        able = (cluster.nodes - lost) * node_rate * TICK
        room = cluster.waiting - queue + answered_rate * TICK if asks else able
        measured = min(todo, able, room)
        redone = min(lost * 2.0 * cluster.cores, cluster.clips - todo - queue - done + measured)
        again += redone
        todo -= measured - redone
        queue += measured - redone
        answered = min(queue, answered_rate * TICK)
        queue, done = queue - answered, done + answered
        busy_cores += measured * cluster.cpu_seconds * cluster.seconds
        busy_servers += answered * answer if asks else 0.0
        elapsed += TICK
    hours = elapsed / 3600
    cores = cluster.nodes * cluster.cores
    cpu_bound = not asks or cluster.nodes * node_rate <= answered_rate
    return {
        "hours": round(hours, 2),
        "clips_per_second": round(cluster.clips / elapsed, 1),
        "bottleneck": "cores" if cpu_bound else "servers",
        "cores_busy": round(busy_cores / elapsed / cores, 3),
        "servers_busy": round(busy_servers / elapsed / cluster.servers, 3) if asks else 0.0,
        "done_again": round(again),
        "core_hours": round(hours * cores),
        "server_hours": round(hours * cluster.servers) if asks else 0,
        "cost": round(hours * (cores * cluster.core_price
                               + (cluster.servers * cluster.server_price if asks else 0.0))),
    }  # fmt: skip


def main() -> None:
    """Read the assumptions, simulate, print."""
    parser = argparse.ArgumentParser(description="What a large run takes, by simulation.")

    def number(name: str, default: float, text: str) -> None:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text)

    number("clips", 10_000_000, "clips")
    number("seconds", 6.0, "of film a clip")
    number("nodes", 20, "machines with CPU cores")
    number("cores", 64, "of each machine")
    number("cpu-seconds", 0.85, "of one core for one second of film")
    number("servers", 16, "model servers, of one accelerator each")
    number("tokens-in", 6000.0, "read for a clip, with its pictures; 0 for no model")
    number("tokens-out", 500.0, "written for a clip")
    number("rate-in", 20_000.0, "tokens a second that one server reads")
    number("rate-out", 2500.0, "tokens a second that one server writes")
    number("waiting", 4096, "clips that may wait for a server")
    number("mtbf", 500.0, "hours between two failures of one machine")
    number("core-price", 0.04, "of one core for an hour")
    number("server-price", 2.5, "of one server for an hour")
    number("seed", 0, "of the failures")
    cluster = Cluster(**vars(parser.parse_args()))
    print(json.dumps({"benchmark": "plan", **simulate(cluster), "assumed": asdict(cluster)}))


if __name__ == "__main__":
    main()
