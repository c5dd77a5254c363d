"""Beyond one machine, on Ray: a search over recipes, answers for a store of pictures, one training in many processes.

cluster     where Ray runs: this machine alone, or a cluster whose nodes all have the same versions
search      a search for a better recipe: `inksight tune`
batch       answers for a store of pictures: `inksight predict --batch`
workers     one training in several processes: `inksight train --workers N`

Each stage is cut into parts that can be done again without harm: a trial is a row, a shard of pictures is one file with
a name of its own, a training has its checkpoints. What a lost node was doing is done once more by another one.
"""
