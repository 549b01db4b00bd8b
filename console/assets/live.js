// Placeholder contract is documented in console/web/live/__init__.py.
