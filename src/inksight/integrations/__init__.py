"""Inksight in other tools: scikit-learn, and hubs that runs are pushed to and pulled from."""
