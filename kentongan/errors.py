"""Every error we raise on purpose.

KentonganError
├── SettingsError          a setting, policy or scenario file is wrong
├── SourceError            something outside did not give what it should
│   ├── NotPublishedYet    404 or an empty slot: expected, try later
│   ├── SourceDown         no answer, a time-out, 5xx
│   ├── SourceBlocked      a firewall's page instead of data
│   └── SourceChanged      an answer that we do not understand: a person must look
├── DataError              values that do not fit together
│   ├── NaiveTime          a time without a zone
│   ├── UnitMismatch
│   ├── GridMismatch
│   └── LayerError         a layer set is missing, damaged or inconsistent
├── RuleViolation          a rule that protects people was about to be broken
└── DispatchError          a channel could not take a message

A message names the thing, what was expected, what was found, and what to do.
"""

from __future__ import annotations


class KentonganError(Exception):
    """Base of all errors that we raise on purpose."""


class SettingsError(KentonganError):
    """A setting, policy or scenario file is wrong."""


class SourceError(KentonganError):
    """Something outside did not give what it should."""


class NotPublishedYet(SourceError):
    """Nothing there yet. Expected; try later."""


class SourceDown(SourceError):
    """No answer, a time-out or a server error."""


class SourceBlocked(SourceError):
    """A firewall's page came instead of data."""


class SourceChanged(SourceError):
    """An answer that we do not understand. A person must look."""


class DataError(KentonganError):
    """Values that do not fit together."""


class NaiveTime(DataError):
    """A time without a zone."""


class UnitMismatch(DataError):
    """A quantity in another unit than asked for."""


class GridMismatch(DataError):
    """Two fields on different grids."""


class LayerError(DataError):
    """A layer set is missing, damaged or inconsistent."""


class RuleViolation(KentonganError):
    """A rule that protects people was about to be broken."""


class DispatchError(KentonganError):
    """A channel could not take a message."""
