from typing import IO, Any

import marshmallow as ma

class Upload(ma.fields.Field[IO[Any]]):
    def __init__(self, format: str = "binary", **kwargs: Any) -> None: ...
