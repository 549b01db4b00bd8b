"""From a decision to phones: texts, CAP, life cycle, outbox, channels, tasks."""
