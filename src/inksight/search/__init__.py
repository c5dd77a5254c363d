"""Many trainings, compared: ablations, tuning, and the search for label issues."""
