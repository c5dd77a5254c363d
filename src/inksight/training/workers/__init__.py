"""One training in several processes, placed and watched by Ray.

worker      a process that trains: it joins the others, and tells what a callback and a keeper should know
crew        all of them: placed, started, listened to; and started once more where one was lost
"""

from __future__ import annotations

from inksight.training.workers.crew import Crew, Workers

__all__ = ["Crew", "Workers"]
