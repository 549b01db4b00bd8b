"""What Airflow needs installed: assets, triggers, the supervised set."""
