"""What the texts of a source look like: packages, repositories, commits."""

from __future__ import annotations

import re

REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?==[0-9][0-9A-Za-z.!+_-]{0,60}", re.ASCII
)
"""`name==version` and nothing else."""
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
"""`user/name`."""
REVISION = re.compile(r"[0-9a-f]{40}")
"""A commit."""
