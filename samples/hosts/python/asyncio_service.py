"""asyncio: an aiohttp service whose requests are answered by functions of the fleet.

    python3 asyncio_service.py GATEWAY-ADDRESS PORT
    curl -d world http://127.0.0.1:PORT/greet
"""

import asyncio
import sys
from typing import AsyncIterator

import pinnate
from aiohttp import web

HTTP_STATUS = {pinnate.NotFoundError: 404, pinnate.FailedError: 502, pinnate.TimedOutError: 504}


async def engine(app: web.Application) -> AsyncIterator[None]:
    """The engine lives as long as the application, and closes when the last request was answered."""
    app["engine"] = pinnate.Engine(id="aiohttp")
    app["engine"].dial_upstream(app["gateway"])
    yield
    await asyncio.to_thread(app["engine"].close)


async def call(request: web.Request) -> web.Response:
    """No thread waits for the answer."""
    payload = await request.read()
    try:
        result = await request.app["engine"].acall(request.match_info["name"], payload)
    except pinnate.PinnateError as error:
        return web.Response(status=HTTP_STATUS.get(type(error), 503), text=str(error))
    return web.Response(body=result)


def main(gateway: str, port: str) -> None:
    app = web.Application(client_max_size=1 << 20)
    app["gateway"] = gateway
    app.cleanup_ctx.append(engine)
    app.router.add_route("*", "/{name}", call)
    web.run_app(app, host="127.0.0.1", port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
