"""Register, log in, renew, log out; API keys."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from api.app import create_app
from api.security import Keys, Kind, read_session_id, sign_pair
from shared.db.engine import transaction
from shared.errors import StartError, Unauthenticated
from shared.settings import Settings
from tests.api.server import assert_problem, serving

PASSWORD = "correct horse battery"
ACCOUNT = {"email": "Grace@Example.com", "password": PASSWORD}


def register(client: httpx.Client) -> None:
    assert client.post("/api/v1/auth/register", json=ACCOUNT).status_code == 201


def log_in(client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    form = {"username": "grace@example.com", "password": password}
    return client.post("/api/v1/auth/login", data=form)


def refresh(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": token})


def read_me(client: httpx.Client, token: str) -> httpx.Response:
    return client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})


def test_a_registered_user_logs_in_and_is_known(anonymous: httpx.Client) -> None:
    register(anonymous)
    pair = log_in(anonymous).json()

    me = read_me(anonymous, pair["access_token"])

    assert pair["token_type"] == "bearer"
    assert pair["expires_in"] == 900
    assert me.status_code == 200
    assert me.json()["email"] == "grace@example.com"


def test_no_cache_keeps_what_holds_a_secret(anonymous: httpx.Client) -> None:
    register(anonymous)
    login = log_in(anonymous)
    own = {"Authorization": f"Bearer {login.json()['access_token']}"}
    renewed = refresh(anonymous, login.json()["refresh_token"])
    key = anonymous.post("/api/v1/api-keys", json={"name": "x"}, headers=own)
    hook = anonymous.post("/api/v1/webhooks", json={"url": "https://example.com"}, headers=own)

    for answer in (login, renewed, key, hook):
        assert answer.is_success
        assert answer.headers["cache-control"] == "no-store"


def test_an_address_registers_once_in_whatever_case(anonymous: httpx.Client) -> None:
    register(anonymous)

    again = anonymous.post("/api/v1/auth/register", json=ACCOUNT | {"email": "GRACE@example.com"})

    assert_problem(again, 409, "email_taken")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "iloveyou"}, "/password"),
        ({"password": "PassWord1"}, "/password"),
        ({"role": "admin"}, "/role"),
    ],
)
def test_a_wrong_registration_names_the_field_and_hides_the_value(
    anonymous: httpx.Client, change: dict[str, str], pointer: str
) -> None:
    answer = anonymous.post("/api/v1/auth/register", json=ACCOUNT | change)

    problem = assert_problem(answer, 422, "validation_failed")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert [error["in"] for error in problem["errors"]] == ["body"]
    assert PASSWORD not in answer.text


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    anonymous: httpx.Client,
) -> None:
    register(anonymous)
    wrong = log_in(anonymous, "wrong horse battery")
    unknown = anonymous.post(
        "/api/v1/auth/login", data={"username": "nobody@example.com", "password": PASSWORD}
    )

    assert_problem(wrong, 401, "unauthenticated")
    assert wrong.json() == unknown.json()
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_an_address_with_a_nul_is_merely_unknown(anonymous: httpx.Client) -> None:
    form = {"username": "a\x00b@example.com", "password": PASSWORD}

    assert_problem(anonymous.post("/api/v1/auth/login", data=form), 401, "unauthenticated")


def test_no_password_opens_an_account_without_one(
    anonymous: httpx.Client, client: httpx.Client
) -> None:
    assert client.get("/api/v1/auth/me").status_code == 200
    form = {"username": "ada@example.com", "password": "!"}

    answer = anonymous.post("/api/v1/auth/login", data=form)

    assert_problem(answer, 401, "unauthenticated")


def test_a_refresh_token_is_exchanged_for_a_new_pair(anonymous: httpx.Client) -> None:
    register(anonymous)
    first = log_in(anonymous).json()

    second = refresh(anonymous, first["refresh_token"]).json()

    assert second["refresh_token"] != first["refresh_token"]
    assert read_me(anonymous, second["access_token"]).status_code == 200
    assert refresh(anonymous, second["refresh_token"]).status_code == 200


def test_a_refresh_token_used_twice_ends_its_whole_family(anonymous: httpx.Client) -> None:
    register(anonymous)
    first = log_in(anonymous).json()
    second = refresh(anonymous, first["refresh_token"]).json()

    assert_problem(refresh(anonymous, first["refresh_token"]), 401, "unauthenticated")

    assert_problem(refresh(anonymous, second["refresh_token"]), 401, "unauthenticated")
    assert_problem(read_me(anonymous, second["access_token"]), 401, "unauthenticated")


def test_a_refresh_token_used_by_many_at_once_leaves_none_alive(anonymous: httpx.Client) -> None:
    register(anonymous)
    stolen = log_in(anonymous).json()["refresh_token"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(anonymous, stolen), range(8)))

    (pair,) = [answer.json() for answer in answers if answer.is_success]
    assert_problem(read_me(anonymous, pair["access_token"]), 401, "unauthenticated")
    assert_problem(refresh(anonymous, pair["refresh_token"]), 401, "unauthenticated")


def test_a_forged_refresh_token_ends_nothing(anonymous: httpx.Client, settings: Settings) -> None:
    register(anonymous)
    pair = log_in(anonymous).json()
    keys = Keys.of(settings.secret_key)
    session_id = read_session_id(keys, Kind.REFRESH, pair["refresh_token"])
    forged = sign_pair(Keys("another key that is long enough too"), session_id, datetime.now(UTC))

    assert_problem(refresh(anonymous, forged.refresh_token), 401, "unauthenticated")

    assert refresh(anonymous, pair["refresh_token"]).status_code == 200


def test_logging_out_ends_access_and_refresh_tokens_at_once(anonymous: httpx.Client) -> None:
    register(anonymous)
    pair = log_in(anonymous).json()
    body = {"refresh_token": pair["refresh_token"]}

    assert anonymous.post("/api/v1/auth/logout", json=body).status_code == 204

    assert_problem(read_me(anonymous, pair["access_token"]), 401, "unauthenticated")
    assert_problem(refresh(anonymous, pair["refresh_token"]), 401, "unauthenticated")


def test_logging_out_leaves_other_sessions_alone(anonymous: httpx.Client) -> None:
    register(anonymous)
    one, other = log_in(anonymous).json(), log_in(anonymous).json()
    anonymous.post("/api/v1/auth/logout", json={"refresh_token": one["refresh_token"]})

    assert read_me(anonymous, other["access_token"]).status_code == 200


def test_an_access_token_is_no_refresh_token_and_the_reverse(anonymous: httpx.Client) -> None:
    register(anonymous)
    pair = log_in(anonymous).json()

    assert_problem(refresh(anonymous, pair["access_token"]), 401, "unauthenticated")
    assert_problem(read_me(anonymous, pair["refresh_token"]), 401, "unauthenticated")


def test_an_expired_access_token_is_refused(settings: Settings) -> None:
    keys = Keys.of(settings.secret_key)
    pair = sign_pair(keys, "session_1", datetime.now(UTC) - timedelta(minutes=16))

    with pytest.raises(Unauthenticated, match="expired"):
        read_session_id(keys, Kind.ACCESS, pair.access_token)


def test_sessions_outlive_a_change_of_keys() -> None:
    before = Keys("the first key which is long enough by far")
    after = Keys.of(SecretStr(f"the second key which is long enough by far,{before.signing}"))
    now = datetime.now(UTC)

    old, new = sign_pair(before, "session_1", now), sign_pair(after, "session_2", now)

    assert read_session_id(after, Kind.ACCESS, old.access_token) == "session_1"
    assert read_session_id(after, Kind.ACCESS, new.access_token) == "session_2"
    with pytest.raises(Unauthenticated):
        read_session_id(before, Kind.ACCESS, new.access_token)
    with pytest.raises(Unauthenticated):
        read_session_id(
            Keys("a third key which is long enough by far"), Kind.ACCESS, old.access_token
        )


def test_a_token_of_a_release_that_named_no_key_is_known() -> None:
    keys = Keys(
        "the second key which is long enough by far",
        ("the first key which is long enough by far",),
    )
    now = datetime.now(UTC)
    claims = {"typ": "access", "sid": "session_1", "jti": "1", "iat": now}
    claims["exp"] = now + timedelta(minutes=1)

    nameless = jwt.encode(claims, keys.retired[0], algorithm="HS256")

    assert read_session_id(keys, Kind.ACCESS, nameless) == "session_1"


def test_a_short_key_among_several_does_not_start(settings: Settings) -> None:
    keys = SecretStr(f"{settings.secret_key.get_secret_value()},short")

    with pytest.raises(StartError, match="at least 32 bytes"):
        create_app(settings.model_copy(update={"secret_key": keys}))


def test_a_closed_service_takes_no_registration_and_lets_users_in(
    settings: Settings, client: httpx.Client
) -> None:
    closed = settings.model_copy(update={"open_registration": False})
    with serving(create_app(closed)) as url, httpx.Client(base_url=url) as http:
        refused = http.post("/api/v1/auth/register", json=ACCOUNT)
        form = http.get("/register")
        let_in = http.get("/api/v1/auth/me", headers=client.headers)
        login = http.get("/login")

    assert_problem(refused, 403, "registration_closed")
    assert "<form" not in form.text.partition("<main")[2]
    assert 'href="/register"' not in login.text
    assert let_in.status_code == 200


def test_an_unsigned_token_is_refused(anonymous: httpx.Client) -> None:
    claims = {"typ": "access", "sid": "session_1", "jti": "1", "iat": 1, "exp": 2**40}
    unsigned = jwt.encode(claims, "", algorithm="none")

    answer = read_me(anonymous, unsigned)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ct_wrong", "Basic YTpi", "Bearer é"])
def test_whatever_is_no_credential_is_401(anonymous: httpx.Client, header: str) -> None:
    headers = [(b"Authorization", header.encode())] if header else []

    answer = anonymous.get("/api/v1/auth/me", headers=headers)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_api_key_shows_its_secret_once_and_works(
    client: httpx.Client, anonymous: httpx.Client
) -> None:
    issued = client.post("/api/v1/api-keys", json={"name": "ci"})
    secret = issued.json()["secret"]
    listed = client.get("/api/v1/api-keys").json()["data"]

    assert issued.status_code == 201
    assert secret.startswith("ct_")
    assert [key["name"] for key in listed] == ["ci", "test"]
    assert all("secret" not in key for key in listed)
    assert listed[0]["shown"] == secret[:11]
    assert read_me(anonymous, secret).json()["email"] == "ada@example.com"


def test_api_keys_are_listed_in_pages(client: httpx.Client) -> None:
    for name in ("one", "two"):
        client.post("/api/v1/api-keys", json={"name": name})

    first = client.get("/api/v1/api-keys", params={"limit": 2}).json()
    cursor = first["next_cursor"]
    second = client.get("/api/v1/api-keys", params={"limit": 2, "cursor": cursor}).json()

    assert [key["name"] for key in first["data"]] == ["two", "one"]
    assert [key["name"] for key in second["data"]] == ["test"]
    assert second["next_cursor"] is None


def test_a_deleted_api_key_is_dead_at_once(client: httpx.Client, anonymous: httpx.Client) -> None:
    issued = client.post("/api/v1/api-keys", json={"name": "ci"}).json()

    assert client.delete(f"/api/v1/api-keys/{issued['id']}").status_code == 204

    assert_problem(read_me(anonymous, issued["secret"]), 401, "unauthenticated")


def test_another_users_api_key_looks_absent(client: httpx.Client, stranger: httpx.Client) -> None:
    key_id = client.post("/api/v1/api-keys", json={"name": "ci"}).json()["id"]
    path = f"/api/v1/api-keys/{key_id}"

    refused = stranger.delete(path)

    assert_problem(refused, 404, "not_found")
    assert client.delete(path).status_code == 204
    assert refused.json() == client.delete(path).json()


def test_an_expired_api_key_is_refused(
    client: httpx.Client, anonymous: httpx.Client, engine: Engine
) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    issued = client.post("/api/v1/api-keys", json={"name": "ci", "expires_at": later}).json()
    with transaction(engine) as connection:
        connection.execute(
            text("UPDATE api_keys SET expires_at = now() WHERE id = :id"), {"id": issued["id"]}
        )

    assert_problem(read_me(anonymous, issued["secret"]), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "nul\x00"}, "/name"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "x", "expires_at": "2999-01-01T00:00:00"}, "/expires_at"),
    ],
)
def test_a_wrong_api_key_request_names_the_field(
    client: httpx.Client, body: dict[str, str], pointer: str
) -> None:
    problem = assert_problem(client.post("/api/v1/api-keys", json=body), 422, "validation_failed")

    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_the_use_of_an_api_key_is_noted(client: httpx.Client) -> None:
    assert client.get("/api/v1/api-keys").json()["data"][0]["last_used_at"] is not None


def test_no_secret_is_stored(anonymous: httpx.Client, engine: Engine) -> None:
    register(anonymous)
    pair = log_in(anonymous).json()
    with transaction(engine) as connection:
        row = connection.execute(
            text("SELECT password_hash, refresh_hash FROM users JOIN sessions ON user_id=users.id")
        ).one()

    assert row.password_hash.startswith("$argon2id$")
    assert pair["refresh_token"] not in row.refresh_hash
