"""People who act: their roles, areas and one-time codes."""

from __future__ import annotations

from kentongan.accounts.gate import Actor as Actor
from kentongan.accounts.gate import admit as admit
from kentongan.accounts.registry import Account as Account
from kentongan.accounts.roles import Act as Act
from kentongan.accounts.roles import Role as Role
from kentongan.accounts.roles import may as may
