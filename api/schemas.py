"""The shapes of requests and answers, as ``/openapi.json`` shows them."""

from datetime import datetime
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
)

from api import passwords
from shared.db.api_keys import ApiKeyView
from shared.db.users import Role, UserView

T = TypeVar("T")

MAX_NAME = 200
# Text that people give a name to things with: shown in lists, so short and on one line.
NameText = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=MAX_NAME,
        # One character at least that is no space.
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f\s][^\x00-\x1f\x7f]*$",
    ),
]
# A label is `name=value`: so the name holds no `=`, and neither of them a line break.
LABEL_NAME = r"[^\x00-\x1f\x7f=]{1,64}"
LABEL_VALUE = r"[^\x00-\x1f\x7f]{0,256}"


class Sent(BaseModel):
    """What a caller sends: an unknown field is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What we send: every field is always there."""

    model_config = ConfigDict(
        frozen=True, from_attributes=True, json_schema_serialization_defaults_required=True
    )


class ProblemField(Answer):
    """One thing that is wrong with the request."""

    pointer: str = Field(description="JSON pointer to the field; empty for the whole part.")
    location: str = Field(alias="in", examples=["body", "query", "path", "header"])
    detail: str


class ProblemBody(BaseModel):
    """An error (RFC 9457). Programs read `code`, people read `detail`."""

    type: str = Field(examples=["/problems/not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(examples=["not_found"])
    errors: list[ProblemField] | None = Field(None, description="On a wrong field or option.")
    request_id: str | None = Field(None, description="On a 500: what to ask the operator about.")


class Page(Answer, Generic[T]):
    """Some rows of a list, and where the next ones begin."""

    data: list[T]
    next_cursor: str | None = Field(description="Send it as `cursor`; null on the last page.")


class Registration(Sent):
    """A new user."""

    email: EmailStr
    password: Annotated[
        str,
        StringConstraints(min_length=passwords.MIN_LENGTH, max_length=passwords.MAX_LENGTH),
        AfterValidator(passwords.require_uncommon),
    ]


class User(Answer):
    """A user."""

    id: str
    email: str
    created_at: datetime
    role: Role

    @classmethod
    def of(cls, view: UserView) -> Self:
        """Return the JSON form of a user."""
        return cls.model_validate(view)


class RefreshRequest(Sent):
    """A refresh token to exchange, or to end with its session."""

    refresh_token: Annotated[str, StringConstraints(max_length=4096)]


class AccessTokens(Answer):
    """A login: a short-lived access token and what renews it."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds until the access token expires.")


class NewApiKey(Sent):
    """An API key to make."""

    name: NameText
    expires_at: AwareDatetime | None = Field(None, description="Null: it does not expire.")


class ApiKey(Answer):
    """An API key, less its secret."""

    id: str
    name: str
    shown: str | None = Field(
        description="How the secret begins; null for keys made before this was kept."
    )
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")

    @classmethod
    def of(cls, view: ApiKeyView) -> Self:
        """Return the JSON form of a key."""
        return cls.model_validate(view)


class IssuedApiKey(ApiKey):
    """A new API key with its secret, which is shown this once."""

    secret: str = Field(examples=["ct_…"])
