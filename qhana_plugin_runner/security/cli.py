"""``flask token``: the access tokens of this runner."""

from datetime import timedelta

import click
from flask import current_app
from flask.cli import AppGroup

from .tokens import Role, as_lifetime, issue, issued, revoke

token = AppGroup("token", help="Create, list and revoke access tokens.")


def _lifetime(_context: click.Context, _option: click.Parameter, text: str) -> timedelta:
    try:
        return as_lifetime(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@token.command()
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    required=True,
    help="read: see everything; run: also start and answer tasks; admin: also delete them.",
)
@click.option(
    "--expires", metavar="TIME", default="7d", callback=_lifetime, show_default=True
)
@click.option("--name", default="", help="Whom the token is for; shown in the list.")
def create(role: str, expires: timedelta, name: str) -> None:
    """Create a token and print it. Only its name and role are stored.

    TIME is a number with a unit: 30m, 12h, 7d, 4w.
    """
    if current_app.config["AUTH_PUBLIC_KEY"]:
        raise click.ClickException(
            "AUTH_PUBLIC_KEY is set: tokens come from the provider with its private key"
        )
    if len(name) > 100:
        raise click.BadParameter("must have up to 100 characters", param_hint="--name")
    click.echo(issue(name or f"{role} token", Role(role), expires))
    if current_app.config["AUTH_MODE"] == "open":
        click.echo("AUTH_MODE is open: nobody is asked for a token", err=True)


@token.command("list")
def list_tokens() -> None:
    """List all tokens, newest first. Times are in UTC."""
    for row in issued():
        state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "valid"
        expires = f"{row.expires_at:%Y-%m-%d %H:%M}"
        click.echo(f"{row.id}  {row.role:<5}  until {expires}  {state}  {row.name}")


@token.command("revoke")
@click.argument("token_id", metavar="ID")
def revoke_token(token_id: str) -> None:
    """Revoke the token with this ID. Waiting requests end, too."""
    if not revoke(token_id):
        raise click.ClickException("no valid token has this ID; see `flask token list`")
    click.echo("revoked")
