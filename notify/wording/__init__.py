"""Words by language, hazard, level and channel; how they are fitted, spoken and proved."""
