"""Water on the ground: wetness, runoff, terrain, flood."""
