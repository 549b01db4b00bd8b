"""Faces: the command, the web application, situation maps."""
