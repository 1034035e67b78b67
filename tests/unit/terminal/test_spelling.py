from inventory.terminal.spelling import expanded, matching, nearest


def test_the_nearest_name_is_offered_where_one_is_near() -> None:
    assert nearest("web-O1", ["db-01", "web-01"]) == "; did you mean web-01?"
    assert nearest("mail", ["db-01", "web-01"]) == ""


def test_a_pattern_means_every_known_name_that_fits() -> None:
    known = ["acme-db", "acme-web", "web"]
    assert matching(["acme-*", "web"], known) == known
    assert matching(["ACME-*", "acme"], known) == []
    assert expanded(["*web", "new", "b*"], known) == ["acme-web", "web", "new", "b*"]
