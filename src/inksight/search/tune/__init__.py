"""A search for a better recipe: Ray Tune runs the trials, Optuna chooses them, ASHA stops the hopeless ones early.

space       which fields are turned, and between what
plan        what a search is, and a trial's config out of it
folder      tune.json, trials.jsonl and best.json, safe against a kill
sampler     Optuna: asked for the next trial, told what came of each
trial       one trial, in a worker's process
conduct     Ray Tune: what is to be done goes out, what comes back is kept
results     what a search says so far
job         `inksight.tune`, end to end
"""
