"""Layer sets: villages, shapes, people, teams and shelters, compiled once, read by every step."""
