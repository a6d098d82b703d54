import sqlalchemy as sa
from sqlalchemy.orm import Session


def check():
    engine = sa.create_engine("sqlite://")
    with Session(engine) as session:
        assert session.execute("SELECT 1").scalar() == 1
        assert session.scalar("SELECT :x", {"x": 2}) == 2
        assert session.scalars("SELECT 3").all() == [3]
    with engine.connect() as connection:
        assert connection.execute("SELECT :x", {"x": 4}).scalar() == 4
    engine.dispose()
