"""A training told to a tracker: MLflow, TensorBoard or Weights & Biases.

training     what is told of one before its first step: name, parameters, a key by which it is known again
table        the trackers
mlflow, tensorboard, wandb     one tracker each
beside       the process in which a tracker runs
session      that process, seen from the training

A tracker is imported and runs in a process of its own beside the training. So it takes no time from the training, and
a server that is down, slow or silent can neither stop nor hold it: what was not sent is sent from the run folder, which
is all that a tracker needs (`inksight track RUN --to mlflow`).
"""
