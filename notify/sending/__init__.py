"""From a released version to phones: rows, the dispatcher, the switch, who was told."""
