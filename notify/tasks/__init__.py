"""Tasks of Tagana: numbers, texts, lists, and their recall."""
