"""Who may send what to the runner: sites, people and secrets.

What plugins and clients send is not trusted; plugins themselves are. The rules for URLs that users
supply are in ``requests``, since plugins use that session directly.
"""
