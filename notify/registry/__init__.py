"""The registry of recipients: who is told, by what right, and where their phone is kept."""
