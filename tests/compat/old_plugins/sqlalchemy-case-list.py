import sqlalchemy as sa

NAME = sa.column("name")


def check():
    old = sa.case([(NAME == "a", 1), (NAME == "b", 2)], else_=0)
    assert str(old) == str(sa.case((NAME == "a", 1), (NAME == "b", 2), else_=0))
