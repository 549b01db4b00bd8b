"""Which villages' forecasts to ask for: 60 requests a minute cannot reach 83,762 villages.

villages.py   the places to choose from, as arrays
state.py      what was asked and what came, in the table `forecast_villages`
plan.py       the choice, a pure function
aliases.py    codes of an older decree
coverage.py   what is known of each area, and how old it is
"""
