"""Who is told, by what right, and who may act."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text, UniqueConstraint

from kentongan.tables.base import BIG, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),  # kentongan.accounts.Role
    Column("areas", JSON, nullable=False),  # prefixes of area codes; empty: the nation
    Column("totp_secret", Text),  # sealed with the key outside the database
    Column("password_hash", Text),  # Argon2id with its parameters (PHC text)
    # Given by an admin: whoever signs in with it chooses another one first.
    Column("password_initial", Boolean, nullable=False, default=False),
    Column("created_at", String(20), nullable=False),
    Column("disabled_at", String(20)),
)

totp_used = Table(
    "totp_used",
    metadata,
    Column("account_id", String(40), primary_key=True),
    Column("counter", BIG, primary_key=True, autoincrement=False),  # a code works once
    Column("at", String(20), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", String(64), primary_key=True),  # of the cookie; never the cookie
    Column("account_id", String(40), nullable=False),
    Column("created_at", String(20), nullable=False),
    Column("seen_at", String(20), nullable=False),
    Column("ends_at", String(20), nullable=False),
    Column("agent", String(200), nullable=False, default=""),
    Column("via", String(12), nullable=False, default=""),  # password, oidc
    Column("network", String(64), nullable=False, default=""),  # for its owner to recognise
    Index("sessions_by_account", "account_id"),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(200), primary_key=True),  # an OpenID provider
    Column("kind", String(8), primary_key=True),  # sub; email until the first sign-in
    Column("value", String(255), primary_key=True),
    Column("account_id", String(40), nullable=False),
    Column("at", String(20), nullable=False),
    Index("identities_by_account", "account_id"),
)

recipients = Table(
    "recipients",
    metadata,
    Column("recipient_id", String(40), primary_key=True),
    Column("role", String(12), nullable=False),  # resident, coordinator, official, topic
    Column("adm4_code", String(13), nullable=False),
    Column("address", Text, nullable=False, default=""),  # of made-up people alone
    Column("language", String(5), nullable=False, default="id"),
    Column("synthetic", Boolean, nullable=False, default=True),
    Column("by_sms", Boolean, nullable=False, default=True),
    Column("by_push", Boolean, nullable=False, default=True),
    Column("active", Boolean, nullable=False, default=True),  # False: opted out, or erased
    Column("created_at", String(20)),
    # Covers what counting and telling a village asks for.
    Index(
        "recipients_by_area",
        "adm4_code",
        "role",
        "recipient_id",
        "language",
        "active",
        "by_sms",
        "by_push",
        "synthetic",
    ),
)

contacts = Table(
    "contacts",
    metadata,
    Column("recipient_id", String(40), primary_key=True),
    Column("channel", String(12), primary_key=True),  # sms, webpush, fcm …
    Column("sealed", Text, nullable=False),  # number or subscription, by the key outside
    Column("blind", String(64), nullable=False),  # keyed hash: looked up and unique without it
    Column("added_at", String(20), nullable=False),
    UniqueConstraint("channel", "blind"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("recipient_id", String(40), nullable=False),
    Column("basis", String(12), nullable=False),  # consent, duty
    Column("act", String(12), nullable=False),  # given, withdrawn
    Column("text_version", String(40), nullable=False),
    Column("via", String(12), nullable=False),  # sms, web, import, operator
    Column("at", String(20), nullable=False),
    Index("consents_by_recipient", "recipient_id", "id"),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("blind", String(64), primary_key=True),
    Column("channel", String(12), primary_key=True),
    Column("at", String(20), nullable=False),
    Column("reason", String(12), nullable=False),  # stop, erased
)

sign_ups = Table(
    "sign_ups",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("blind", String(64), nullable=False),
    Column("kind", String(8), nullable=False),  # web: waits for its code; asked: for a choice
    Column("sealed", Text, nullable=False, default=""),
    Column("adm4_code", String(13), nullable=False, default=""),
    Column("choices", JSON, nullable=False),  # codes that a person was asked to choose from
    Column("language", String(5), nullable=False, default="id"),
    Column("text_version", String(40), nullable=False, default=""),
    Column("code_hash", String(64), nullable=False, default=""),
    Column("created_at", String(20), nullable=False),
    Column("until", String(20), nullable=False),
    Index("sign_ups_by_blind", "blind", "kind", "id"),
    Index("sign_ups_by_end", "until"),
)

limits = Table(
    "limits",
    metadata,
    Column("scope", String(20), primary_key=True),
    Column("who", String(64), primary_key=True),  # keyed hash of a number or an address
    Column("window", String(13), primary_key=True),  # 2026-11-22T09, or 2026-11-22
    Column("count", Integer, nullable=False),
)
