"""Rain in operation: the history of frames, and the step that turns them into fields."""
