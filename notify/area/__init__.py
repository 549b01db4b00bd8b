"""Where a warning holds: villages to groups, names, polygons, geocodes."""
