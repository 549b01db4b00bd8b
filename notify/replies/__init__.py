"""What people of Tagana answer by plain SMS, and what becomes of it."""
