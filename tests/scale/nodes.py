"""A Ray cluster of several nodes on this machine, in a process of its own: one command a line, one answer a line.

The tests' own process has JAX in it, which does not bear the fork that Ray starts a node with.
"""

import json
import os
import sys

from ray.cluster_utils import Cluster


def main() -> None:
    cluster, nodes = Cluster(), []
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        if command == "add":
            cpus, environment = arguments
            before = dict(os.environ)
            os.environ.update(environment)
            nodes.append(cluster.add_node(num_cpus=cpus, include_dashboard=False))
            os.environ.clear()
            os.environ.update(before)
            answer = [len(nodes) - 1, cluster.address]
        else:
            cluster.remove_node(nodes[arguments[0]], allow_graceful=False)
            answer = []
        print(json.dumps(answer), file=sys.__stdout__, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
