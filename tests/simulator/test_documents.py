"""Types and bodies: what each document holds, and that DigitalOcean's own schema takes all of them."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft4Validator

from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import Fault, with_lagging_backup_ids
from inventory.simulator.fleet import Fleet
from inventory.simulator.variants import Variants
from tests.simulator.conftest import MONDAY, ask

SPECIFICATION = os.environ.get("DIGITALOCEAN_OPENAPI")
# Words that DigitalOcean uses and its own document does not list: a client must take them as they come.
UNDOCUMENTED_WORDS = {"atl1", "hourly"}

TEMPLATES = {
    "/v2/account": "/v2/account",
    "/v2/droplets?per_page=200": "/v2/droplets",
    "/v2/droplets?type=gpus": "/v2/droplets",
    "/v2/droplets?tag_name=web&per_page=1": "/v2/droplets",
    "/v2/droplets?tag_name=nobody": "/v2/droplets",
    "/v2/droplets/backups/policies?per_page=200": "/v2/droplets/backups/policies",
    "/v2/droplets/backups/supported_policies": "/v2/droplets/backups/supported_policies",
    "/v2/images?per_page=200": "/v2/images",
    "/v2/images?private=true&per_page=7&page=3": "/v2/images",
    "/v2/images/ubuntu-20-04-x64": "/v2/images/{image_id}",
    "/v2/snapshots": "/v2/snapshots",
}
OF_A_DROPLET = ("", "/backups", "/backups/policy", "/snapshots")


def paths(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Give everything that can be read of a fleet, and the path of the document that describes it."""
    yield from TEMPLATES.items()
    for number in fleet.droplets:
        for rest in OF_A_DROPLET:
            yield f"/v2/droplets/{number}{rest}", f"/v2/droplets/{{droplet_id}}{rest}"
    for number in fleet.snapshots:
        yield f"/v2/images/{number}", "/v2/images/{image_id}"
        yield f"/v2/snapshots/{number}", "/v2/snapshots/{snapshot_id}"


def as_json_schema(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Write OpenAPI's `nullable` as JSON Schema has it."""
    if isinstance(part, list):
        return [as_json_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    schema = {name: as_json_schema(each) for name, each in part.items()}
    if schema.pop("nullable", None) is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema


@pytest.fixture(scope="module")
def specification() -> dict[str, Any]:
    if not SPECIFICATION:
        pytest.skip("DIGITALOCEAN_OPENAPI names no file: DigitalOcean's OpenAPI document, bundled as JSON")
    return dict(as_json_schema(json.loads(Path(SPECIFICATION).read_text(encoding="utf-8"))))


def errors(specification: dict[str, Any], path: str, status: int, document: Any) -> list[tuple[str, object]]:  # noqa: ANN401 - JSON
    """Return what the schema has against a document: the rule, and what breaks it."""
    responses = specification["paths"][path]["get"]["responses"]
    response = responses.get(str(status), responses["default"])["$ref"]
    schema = {**specification, "$ref": f"{response}/content/application~1json/schema"}
    return [(str(error.validator), error.instance) for error in Draft4Validator(schema).iter_errors(document)]


def test_every_document_is_as_the_official_schema_has_it(specification: dict[str, Any], lively: SimulatedApi) -> None:
    found = []
    for path, template in paths(lively.fleet):
        answer = ask(lively, path)
        assert answer.status == 200, path
        found += errors(specification, template, 200, answer.document)
    assert {rule for rule, _ in found} == {"enum"}
    assert {word for _, word in found} == UNDOCUMENTED_WORDS


def test_schema_finds_what_is_wrong(specification: dict[str, Any], api: SimulatedApi) -> None:
    path = "/v2/droplets"
    document = ask(api, path).document
    document["droplets"][0]["id"] = str(document["droplets"][0]["id"])
    del document["droplets"][1]["region"], document["meta"]
    assert {"type", "required"} <= {rule for rule, _ in errors(specification, path, 200, document)}


@pytest.mark.parametrize(
    ("path", "template", "status"),
    [
        ("/v2/droplets/1", "/v2/droplets/{droplet_id}", 404),
        ("/v2/droplets/1/backups", "/v2/droplets/{droplet_id}/backups", 404),
        ("/v2/droplets?tag_name=web&name=web-01", "/v2/droplets", 422),
    ],
)
def test_every_error_is_as_the_official_schema_has_it(
    specification: dict[str, Any], api: SimulatedApi, path: str, template: str, status: int
) -> None:
    answer = ask(api, path)
    assert answer.status == status
    assert errors(specification, template, status, answer.document) == []


def all_backups(api: SimulatedApi) -> list[dict[str, Any]]:
    return [
        each
        for number in api.fleet.droplets
        for each in ask(api, f"/v2/droplets/{number}/backups?per_page=200").document["backups"]
    ]


def all_droplets(api: SimulatedApi) -> list[dict[str, Any]]:
    found = [ask(api, f"/v2/droplets?per_page=200{kind}").document["droplets"] for kind in ("", "&type=gpus")]
    return [each for listed in found for each in listed]


def test_ids_are_integers_but_those_of_snapshots_are_text(lively: SimulatedApi) -> None:
    for droplet in all_droplets(lively):
        assert {type(number) for number in (droplet["id"], *droplet["backup_ids"], *droplet["snapshot_ids"])} == {int}
    assert {type(backup["id"]) for backup in all_backups(lively)} == {int}
    snapshots = ask(lively, "/v2/snapshots").document["snapshots"]
    assert {type(each[name]) for each in snapshots for name in ("id", "resource_id")} == {str}
    assert {each["id"] for each in snapshots} == {str(number) for number in lively.fleet.snapshots}


def test_times_have_neither_fraction_nor_offset(lively: SimulatedApi) -> None:
    times = [each["created_at"] for each in (*all_backups(lively), *all_droplets(lively))]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each) for each in times)


def test_sizes_are_numbers_with_and_without_a_fraction(lively: SimulatedApi) -> None:
    sizes = [each["size_gigabytes"] for each in all_backups(lively)]
    assert {type(size) for size in sizes} == {int, float}
    assert all(size != int(size) for size in sizes if isinstance(size, float))


def test_hourly_prices_carry_the_noise_of_single_precision(lively: SimulatedApi) -> None:
    prices = {each["size"]["price_hourly"] for each in all_droplets(lively)}
    assert any(price != round(price, 6) for price in prices)


def test_backup_says_nothing_of_its_droplet(lively: SimulatedApi) -> None:
    for backup in all_backups(lively):
        assert (backup["type"], backup["slug"], backup["public"]) == ("backup", None, False)
        assert isinstance(backup["regions"], list)
        assert "droplet_id" not in backup
        assert "resource_id" not in backup


def test_features_and_window_say_whether_backups_are_on(lively: SimulatedApi) -> None:
    switched_on = []
    for droplet in all_droplets(lively):
        policy = ask(lively, f"/v2/droplets/{droplet['id']}/backups/policy").document["policy"]
        is_on = policy["backup_enabled"]
        switched_on.append(is_on)
        assert ("backups" in droplet["features"]) == is_on
        assert droplet["next_backup_window"] == policy.get("next_backup_window")
        assert (droplet["next_backup_window"] is not None) == is_on
        if is_on:
            assert droplet["next_backup_window"].keys() == {"start", "end"}
    assert set(switched_on) == {True, False}


def test_droplet_is_the_same_in_the_list_and_alone(lively: SimulatedApi) -> None:
    for droplet in all_droplets(lively):
        assert ask(lively, f"/v2/droplets/{droplet['id']}").document == {"droplet": droplet}
        assert droplet["kernel"] is None


def test_backup_ids_are_those_of_the_listing(lively: SimulatedApi) -> None:
    for droplet in all_droplets(lively):
        listed = ask(lively, f"/v2/droplets/{droplet['id']}/backups?per_page=200").document["backups"]
        assert droplet["backup_ids"] == [each["id"] for each in listed]


def test_backup_ids_can_lag(api: SimulatedApi) -> None:
    first = next(iter(api.fleet.droplets))
    api.faults["/v2/droplets"] = api.faults[f"/v2/droplets/{first}"] = Fault(shows=with_lagging_backup_ids)
    known = [each.id for each in api.fleet.backups_of(first)[:-1]]
    assert ask(api, "/v2/droplets").document["droplets"][0]["backup_ids"] == known
    assert ask(api, f"/v2/droplets/{first}").document["droplet"]["backup_ids"] == known
    assert ask(api, f"/v2/droplets/{first}/backups").document["meta"]["total"] == len(known) + 1


def test_policies_are_a_map_by_ids_as_text(api: SimulatedApi) -> None:
    daily, weekly, off = api.fleet.droplets
    policies = ask(api, "/v2/droplets/backups/policies").document["policies"]
    assert list(policies) == [str(daily), str(weekly), str(off)]
    assert policies[str(off)] == {"droplet_id": off, "backup_enabled": False}
    assert policies[str(daily)]["backup_policy"].keys() == {
        "plan",
        "hour",
        "window_length_hours",
        "retention_period_days",
    }
    assert policies[str(weekly)]["backup_policy"]["weekday"] in {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
    for number in (daily, weekly, off):
        assert ask(api, f"/v2/droplets/{number}/backups/policy").document == {"policy": policies[str(number)]}


def test_seeded_fleet_has_what_no_documentation_lists(lively: SimulatedApi) -> None:
    """Keys, a plan and a region that a client has to bear."""
    backups = all_backups(lively)
    assert any("error_message" in each for each in backups)
    assert any("error_message" not in each for each in backups)
    policies = ask(lively, "/v2/droplets/backups/policies?per_page=200").document["policies"].values()
    assert "hourly" in {each["backup_policy"]["plan"] for each in policies if each["backup_enabled"]}
    assert "atl1" in {each["region"]["slug"] for each in all_droplets(lively)}


def test_supported_policies_are_the_documented_two(api: SimulatedApi) -> None:
    weekly, daily = ask(api, "/v2/droplets/backups/supported_policies").document["supported_policies"]
    assert (weekly["name"], weekly["retention_period_days"], len(weekly["possible_days"])) == ("weekly", 28, 7)
    assert (daily["name"], daily["retention_period_days"], daily["possible_days"]) == ("daily", 7, [])


def test_account(api: SimulatedApi) -> None:
    api.status = "locked"
    account = ask(api, "/v2/account").document["account"]
    assert (account["uuid"], account["status"]) == (api.uuid, "locked")
    assert SimulatedApi(Fleet(MONDAY, seed=1)).uuid == api.uuid != SimulatedApi(Fleet(MONDAY, seed=2)).uuid


def test_every_answer_has_the_date_of_the_fleet_and_an_id_of_its_own(api: SimulatedApi) -> None:
    answers = [ask(api, path) for path in ("/v2/account", "/v2/nothing", "/v2/droplets")]
    answers.append(ask(api, "/v2/account", token="wrong"))
    assert {answer.headers["date"] for answer in answers} == {"Mon, 02 Mar 2026 12:00:00 GMT"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


# Images and snapshots


def test_private_images_are_all_backups_and_snapshots(lively: SimulatedApi) -> None:
    images = ask(lively, "/v2/images?private=true&per_page=200").document["images"]
    backups = {backup.id for number in lively.fleet.droplets for backup in lively.fleet.backups_of(number)}
    assert {each["id"] for each in images if each["type"] == "backup"} == backups
    assert {each["id"] for each in images if each["type"] == "snapshot"} == lively.fleet.snapshots.keys()
    assert lively.fleet.snapshots
    for each in images[-3:]:
        assert ask(lively, f"/v2/images/{each['id']}").document == {"image": each}


def test_other_images_are_found_by_type_and_slug(api: SimulatedApi) -> None:
    base = ask(api, "/v2/images/ubuntu-20-04-x64").document["image"]
    assert ask(api, "/v2/images").document["images"][0] == base
    assert ask(api, "/v2/images?type=distribution").document["images"] == [base]
    assert ask(api, "/v2/images?type=application").document["images"] == []
    assert ask(api, "/v2/images?tag_name=web").document["images"] == []
    assert ask(api, f"/v2/images/{base['id']}").document["image"] == base
    assert ask(api, "/v2/images/7").status == 404


def test_converted_backup_is_a_snapshot_and_no_backup(api: SimulatedApi, fleet: Fleet) -> None:
    first = next(iter(fleet.droplets))
    backup = fleet.backups_of(first)[2]
    assert ask(api, f"/v2/snapshots/{backup.id}").status == 400
    fleet.convert(backup.id)
    assert [each["id"] for each in ask(api, f"/v2/droplets/{first}/snapshots").document["snapshots"]] == [backup.id]
    assert ask(api, f"/v2/droplets/{first}").document["droplet"]["snapshot_ids"] == [backup.id]
    assert backup.id not in {each["id"] for each in ask(api, f"/v2/droplets/{first}/backups").document["backups"]}
    snapshot = ask(api, f"/v2/snapshots/{backup.id}").document["snapshot"]
    assert (snapshot["id"], snapshot["resource_id"]) == (str(backup.id), str(first))
    assert ask(api, "/v2/snapshots?resource_type=droplet").document["snapshots"] == [snapshot]
    assert ask(api, "/v2/snapshots?resource_type=volume").document["snapshots"] == []
    fleet.destroy(first)
    assert ask(api, f"/v2/snapshots/{backup.id}").status == 200


@pytest.mark.parametrize(("ids", "expected"), [("present", 6), ("empty", 0)])
def test_droplet_on_a_usage_based_plan_lacks_the_feature_and_shows_its_ids_or_does_not(
    ids: Literal["present", "empty"], expected: int
) -> None:
    fleet = Fleet(MONDAY)
    usage_based = fleet.add_droplet(name="web-01", plan="intra_daily_4h", backups=6)
    daily = fleet.add_droplet(name="web-02", plan="daily", backups=6)
    api = SimulatedApi(fleet)
    api.variants = Variants(usage_based_ids=ids)
    shown = {each["id"]: each for each in ask(api, "/v2/droplets").document["droplets"]}
    assert ("backups" in shown[usage_based]["features"], len(shown[usage_based]["backup_ids"])) == (False, expected)
    assert ("backups" in shown[daily]["features"], len(shown[daily]["backup_ids"])) == (True, 6)
    policy = ask(api, f"/v2/droplets/{usage_based}/backups/policy").document["policy"]
    assert (policy["backup_enabled"], policy["backup_policy"]["plan"]) == (True, "intra_daily_4h")
    assert policy["backup_policy"]["retention_period_days"] == 7
    assert shown[usage_based]["next_backup_window"] == policy["next_backup_window"]
