"""The pages over HTTP: routes, the headers of a page, and 304 for whoever has it already."""

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inventory.pages.rendering import policy
from inventory.pages.site import Answer, Site

_SMALLEST_COMPRESSED = 1_000
_RETRY_SECONDS = 5


def routes(site: Site) -> Sequence[BaseRoute]:
    """Give the routes of the pages, each answering GET and HEAD."""

    def overview(request: Request) -> Response:
        return _response(request, site.overview(dict(request.query_params)))

    def calendar(request: Request) -> Response:
        return _response(request, site.calendar(dict(request.query_params)))

    def cost(request: Request) -> Response:
        return _response(request, site.cost(dict(request.query_params)))

    def comparison(request: Request) -> Response:
        return _response(request, site.comparison(dict(request.query_params)))

    def droplet(request: Request) -> Response:
        return _response(request, site.droplet(request.path_params["id"], dict(request.query_params)))

    def reports(request: Request) -> Response:
        return _response(request, site.reports(dict(request.query_params)))

    def report(request: Request) -> Response:
        return _response(request, site.report(request.path_params["name"], dict(request.query_params)))

    def anything_else(request: Request) -> Response:
        return _response(request, site.not_found(request.url.path))

    compressed = [Middleware(GZipMiddleware, minimum_size=_SMALLEST_COMPRESSED)]
    return [
        Route("/", overview, middleware=compressed),
        Route("/calendar", calendar, middleware=compressed),
        Route("/cost", cost, middleware=compressed),
        Route("/compare", comparison, middleware=compressed),
        Route("/droplets/{id:int}", droplet, middleware=compressed),
        Route("/reports", reports, middleware=compressed),
        Route("/reports/{name}", report, middleware=compressed),
        Route("/{path:path}", anything_else),
    ]


def _response(request: Request, answer: Answer) -> Response:
    headers = {"ETag": answer.tag, "Content-Security-Policy": policy()}
    if answer.status == 503:  # noqa: PLR2004 - HTTP's own
        headers["Retry-After"] = str(_RETRY_SECONDS)
    if answer.name:
        headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
    if answer.status == 200 and answer.tag in request.headers.get("if-none-match", ""):  # noqa: PLR2004 - as above
        return Response(status_code=304, headers=headers)
    return Response(answer.body, answer.status, headers, answer.media_type)
