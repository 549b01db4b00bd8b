"""Ways to a phone. Which of them exist in a run is decided by `notify.firewall.gate`."""
