"""The tables, by what they hold. `kentongan.db` gives them all."""
