"""What anybody may read: warnings in force, the archive, open data. No draft, no number."""
