import sqlalchemy.orm
from sqlalchemy.orm import eagerload, relation


def check():
    assert relation is sqlalchemy.orm.relationship
    assert eagerload is sqlalchemy.orm.joinedload
