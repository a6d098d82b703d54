import click

openapi_cli: click.Group
