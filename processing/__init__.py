"""Pure functions: records to hazard fields."""
