# What the runner needs from the system. Everything else is installed from poetry.lock into
# .venv by scripts/environment, with the same versions and hashes as on any other system.
{
  pkgs ? import <nixpkgs> { },
}:
pkgs.buildEnv {
  name = "qhana-plugin-runner-tools";
  paths = [
    pkgs.python313
    pkgs.curl
    pkgs.git
  ];
}
