"""``flask backup`` and ``flask restore``: an instance folder as one file, and back.

What makes a copy of a runner that works a good one is that it could have been left by a crash:
that is what the runner goes on from. So the database and the queue are taken at the same moment
(:mod:`.snapshot`). Files come after them: a file is written before its row, once, so that each row
in the copy has its file.
"""
