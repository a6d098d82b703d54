# "nix-shell" gives a shell with the locked dependencies, those for tests and checks included.
{
  pkgs ? import <nixpkgs> { },
}:
pkgs.mkShell {
  packages = [ (import ./default.nix { inherit pkgs; }) ];

  # Packages with compiled parts expect these libraries of the system.
  LD_LIBRARY_PATH = pkgs.lib.makeLibraryPath [
    pkgs.stdenv.cc.cc.lib
    pkgs.zlib
  ];

  shellHook = ''
    python=$(python3 scripts/environment main test check docs) &&
      export PATH="$(dirname "$python"):$PATH"
  '';
}
