from helpers.databases import postgresql, postgresql_database  # noqa: F401
from helpers.s3 import s3_client, s3_settings, s3_url  # noqa: F401
