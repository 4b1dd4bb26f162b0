"""``instancecap web``: the app on this machine, until Ctrl-C."""

from __future__ import annotations

import socket
import threading
import webbrowser

from instancecap.errors import MissingDependency, UsageError
from instancecap.web.app.config import AppConfig


def serve(config: AppConfig) -> None:
    """Serve the app; prints its address in one line once it listens.

    Raises:
        MissingDependency: the extra ``web`` is not installed.
        UsageError: the port is taken, or the address is not this machine's.
    """
    listening = _listen(config.host, config.port)  # first: it fails sooner than the rest loads
    try:
        import uvicorn

        from instancecap.web.app.application import create_app
    except ImportError as error:
        listening.close()
        raise MissingDependency(
            f"the browser app needs {error.name}: pip install 'instancecap[web]'"
        ) from error
    name = f"[{config.host}]" if ":" in config.host else config.host
    url = f"http://{name}:{listening.getsockname()[1]}/"

    app = create_app(config)

    class Server(uvicorn.Server):
        """Tells when it listens."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            print(url, flush=True)
            app.state.services.jobs.warm_up()
            if not config.no_browser:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    settings = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    with listening:
        try:
            Server(settings).run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn has ended in good order, and raises the signal again
            return


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--host {host} --port {port}: cannot listen there: {reason}") from error
