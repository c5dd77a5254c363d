"""Answers for a store of pictures, of any number, with memory that hardly grows with it.

parquet   the pictures in a Parquet file: which column holds them, a run of its rows
shard     some 2,000 pictures that are answered together: their names, and then their bytes
listing   a source -> shards, written down as they are found
worker    a shard -> a part: what runs on the nodes
part      a file of answers, a row a picture; parts -> one file
folder    a batch that has not ended: its plan, its listing and the parts that are there
job       all of it, end to end

A shard becomes one file whose name and content depend on the shard alone. So whoever does it again, after a lost node
or a kill, writes the same file once more; what was done is known by the files that are there.
"""
