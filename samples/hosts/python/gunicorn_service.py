"""gunicorn: an engine in each worker. This file is both the application and gunicorn's configuration.

    PINNATE_GATEWAY=unix:/run/gateway.sock gunicorn -c python:gunicorn_service gunicorn_service:app
    curl -d world http://127.0.0.1:8000/greet
"""

import os
from typing import Any, Callable, Dict, List, Tuple

import pinnate

workers = 2
threads = 4
FUNCTIONS = ("greet",)  # a worker takes requests once it serves them
HTTP_STATUS = {
    pinnate.NotFoundError: "404 Not Found",
    pinnate.FailedError: "502 Bad Gateway",
    pinnate.TimedOutError: "504 Gateway Timeout",
}

engine: pinnate.Engine


def post_fork(server: Any, worker: Any) -> None:
    """In the worker, before it accepts: reloading gunicorn loses no request."""
    global engine
    engine = pinnate.Engine(id=f"gunicorn-{worker.age}")
    engine.dial_upstream(os.environ["PINNATE_GATEWAY"])
    for name in FUNCTIONS:
        try:
            engine.wait_serving(name, timeout=20)  # of the 30 s that gunicorn gives it
        except pinnate.TimedOutError as error:
            server.log.warning("%s", error)


def worker_exit(server: Any, worker: Any) -> None:
    engine.close()


def app(environ: Dict[str, Any], start_response: Callable[[str, List[Tuple[str, str]]], Any]) -> List[bytes]:
    payload = environ["wsgi.input"].read()
    try:
        status, body = "200 OK", engine.call(environ["PATH_INFO"].strip("/"), payload)
    except pinnate.PinnateError as error:
        status, body = HTTP_STATUS.get(type(error), "503 Service Unavailable"), str(error).encode()
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]
