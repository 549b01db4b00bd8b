"""Exercise and reality apart: who may reach a phone, and what is looked at again."""
