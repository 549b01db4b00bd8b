"""What may go out, by whose word, and the moment when it does."""
