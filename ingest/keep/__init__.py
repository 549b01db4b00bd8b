"""What is kept of what came: archive, retention, quarantine, counts of fields."""
