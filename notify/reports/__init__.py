"""What residents tell us: read with visible reasons, tied to a place, joined, routed, answered."""
