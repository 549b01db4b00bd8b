"""The dead-man's switch: outside the scheduler, with few imports, trusting nobody's word."""
