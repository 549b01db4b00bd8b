"""The polite client: connections, second tries, breakers, the shared limit, leases, folders."""
