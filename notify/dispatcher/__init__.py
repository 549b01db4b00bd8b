"""The process that sends: routes, who owns them, their pace, limits, what it tells of itself."""
