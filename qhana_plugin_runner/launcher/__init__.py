"""Starts the whole product with one command and keeps it running.

One process starts the others (its *parts*) in order and watches them::

    broker -> database upgrade -> worker, web

``product`` says which parts there are, ``commands`` how each of them is called, and
``supervisor`` keeps them alive. Nothing here is needed by a runner whose parts are
started in another way, by systemd or in containers.
"""
