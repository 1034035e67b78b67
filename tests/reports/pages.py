"""Read our HTML pages as strictly as no browser does, and say what they may hold."""

from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, TreeBuilder

_EMPTY = {"meta"}
_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "p", "div", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "time", "code", "span", "details", "summary"),
    *("figure", "figcaption", "svg", "g", "path", "rect", "line", "circle", "text"),
}
_ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "name", "content", "class", "id", "scope", "datetime", "role", "tabindex"),
    *("aria-labelledby", "aria-hidden", "aria-label", "xmlns", "viewbox", "d", "cx", "cy", "r", "x", "y", "width"),
    *("height", "transform"),
}


class _Reader(HTMLParser):
    """Builds a tree, and takes nothing amiss that a browser would mend."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._tree = TreeBuilder()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is there twice"
        self._tree.start(tag, {name: value or "" for name, value in attrs})
        if tag in _EMPTY:
            self._tree.end(tag)
        else:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> ends nothing"
        assert self._open.pop() == tag
        self._tree.end(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._tree.data(data)
        else:
            assert not data.strip(), "text outside of the document"

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def finish(self) -> Element:
        self.close()
        assert not self._open
        return self._tree.close()


def parse(text: str) -> Element:
    """Read a page that is well-formed, has what a page needs, and neither runs nor loads anything."""
    assert text.startswith("<!DOCTYPE html>\n")
    reader = _Reader()
    reader.feed(text)
    page = reader.finish()
    assert {each.tag for each in page.iter()} <= _TAGS
    assert {name for each in page.iter() for name in each.attrib} <= _ATTRIBUTES
    (style,) = page.iter("style")
    assert "url(" not in words(style)
    assert "@import" not in words(style)
    policy = page.find(".//meta[@http-equiv='Content-Security-Policy']")
    assert policy is not None
    assert policy.get("content", "").startswith("default-src 'none'; style-src 'sha256-")
    assert page.find(".//meta[@charset='utf-8']") is not None
    ids = [each.attrib["id"] for each in page.iter() if "id" in each.attrib]
    assert len(set(ids)) == len(ids)
    for table in page.iter("table"):
        assert [part.tag for part in table] == ["caption", "thead", "tbody"]
        assert all(each.get("scope") in ("col", "row") for each in table.iter("th"))
        assert len({len(row) for row in table.iter("tr")}) == 1, "every row is as wide as the others"
    return page


def words(element: Element) -> str:
    """Give the text of an element and all below it."""
    return "".join(element.itertext())


def table(page: Element, name: str) -> tuple[list[str], list[list[str]]]:
    """Give the headers and the rows of the table whose caption has this id."""
    found = next(each for each in page.iter("table") if each[0].get("id") == name)
    headers, *rows = ([words(cell) for cell in row] for row in found.iter("tr"))
    return headers, rows


def facts(page: Element) -> dict[str, str]:
    """Give what stands above the answer."""
    found = page.find(".//dl[@class='facts']")
    assert found is not None
    return dict(zip(*(map(words, found.iter(tag)) for tag in ("dt", "dd")), strict=True))


def remarks(page: Element) -> list[str]:
    """Give what is said instead of the answer, or of its end."""
    return list(_texts(page, ".//p[@class='remark']"))


def _texts(page: Element, path: str) -> Iterator[str]:
    return (words(each) for each in page.iterfind(path))
