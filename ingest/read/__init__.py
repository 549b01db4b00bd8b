"""What readers share: hostile bytes to trees, fields, times, quakes, pictures."""
