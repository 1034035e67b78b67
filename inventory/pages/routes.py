"""The pages over HTTP: routes, the headers of a page, and 304 for whoever has it already."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from inventory.pages.rendering import policy
from inventory.pages.site import Answer, Site
from inventory.report.details import read_id

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
        droplet_id = read_id(request.path_params["id"])
        if droplet_id is None:
            return anything_else(request)
        return _response(request, site.droplet(droplet_id, dict(request.query_params)))

    def reports(request: Request) -> Response:
        return _response(request, site.reports(dict(request.query_params)))

    def report(request: Request) -> Response:
        return _response(request, site.report(request.path_params["name"], dict(request.query_params)))

    def anything_else(request: Request) -> Response:
        return _response(request, site.not_found(request.url.path))

    return [
        Route("/", overview),
        Route("/calendar", calendar),
        Route("/cost", cost),
        Route("/compare", comparison),
        Route("/droplets/{id}", droplet),
        Route("/reports", reports),
        Route("/reports/{name}", report),
        Route("/{path:path}", anything_else),
    ]


def _response(request: Request, answer: Answer) -> Response:
    headers = {"ETag": answer.tag, "Content-Security-Policy": policy(), "Vary": "Accept-Encoding"}
    if answer.status == 503:  # noqa: PLR2004 - HTTP's own
        headers["Retry-After"] = str(answer.again_after or _RETRY_SECONDS)
    if answer.again_after:
        headers["Refresh"] = str(answer.again_after)
    if answer.name:
        headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
    if answer.status == 200 and answer.tag in request.headers.get("if-none-match", ""):  # noqa: PLR2004 - as above
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.compressed, answer.status, headers, answer.media_type)
    return Response(answer.body, answer.status, headers, answer.media_type)
