"""One training in several processes, placed and watched by Ray.

worker      a process that trains: it joins the others, and tells what a callback and a checkpointer should know
group        all of them: placed, started, listened to; and started once more where one was lost
"""

from __future__ import annotations

from inksight.training.workers.group import WorkerGroup, Workers

__all__ = ["WorkerGroup", "Workers"]
