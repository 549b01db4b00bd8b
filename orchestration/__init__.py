"""The cycle, composed of the steps, free of Airflow."""
