"""What a run shows: figures, the sheet of wrong answers, the page."""
