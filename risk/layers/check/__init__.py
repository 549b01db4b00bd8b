"""What may be wrong with a deployment's files, found before anything is compiled."""
