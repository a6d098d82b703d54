"""Starts the whole product with one command and keeps it running.

One process starts the others, its *services*, in order and supervises them::

    broker -> (database upgrade) -> worker, web -> maintenance

``product`` defines the services, ``commands`` builds their command lines, and ``supervisor``
keeps them alive. A runner whose services are started in another way, by systemd or in
containers, needs nothing of this package. It imports the standard library and settings only:
the launcher stays in memory as long as the product runs.
"""
