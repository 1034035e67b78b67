from inventory.terminal.spelling import nearest


def test_the_nearest_name_is_offered_where_one_is_near() -> None:
    assert nearest("web-O1", ["db-01", "web-01"]) == "; did you mean web-01?"
    assert nearest("mail", ["db-01", "web-01"]) == ""
