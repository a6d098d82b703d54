import sqlalchemy as sa
from sqlalchemy.sql import select
from sqlalchemy.sql.expression import select as select_expression

ITEMS = sa.table("items", sa.column("id"), sa.column("name"))


def check():
    expected = str(sa.select(ITEMS.c.id, ITEMS.c.name))
    assert str(sa.select([ITEMS.c.id, ITEMS.c.name])) == expected
    assert str(select([ITEMS.c.id, ITEMS.c.name])) == expected
    assert str(select_expression([ITEMS.c.id, ITEMS.c.name])) == expected
