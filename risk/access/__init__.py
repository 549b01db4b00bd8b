"""Can Tagana get there in time: travel over roads and land, under the hazard of now."""
