"""Any hazard on any people and any areas: the analyst's overlay, on files nobody prepared."""
