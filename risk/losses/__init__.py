"""What shaking does to people, for those who send help: never for a public text."""
