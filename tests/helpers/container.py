"""A container without an engine: the entry point of the image in namespaces of its own.

It has a file system that cannot be written to but for the volumes of the image, another user
without rights, and is alone with its processes. The system below it is that of the machine.
"""

import os
import shutil
import subprocess
from pathlib import Path

from helpers.dockerfile import read_dockerfile
from helpers.processes import wait_until
from helpers.product import CHECKOUT

START_SECONDS = 180
STOP_SECONDS = 45

NEEDED = ("unshare", "setpriv", "chroot", "tini")

# What the machine's Python may need and other users cannot read, such as the home of root.
_RIGHTS = "dac_read_search"

_SCRIPT = """
set -e
root=$1 volumes=$2 socket=$3
shift 3
mount -t tmpfs -o mode=755 root "$root"
for path in /*; do
    case $path in
    /app | /proc | /tmp) ;;
    *) if [ -L "$path" ]; then cp -P "$path" "$root$path"
       elif [ -d "$path" ]; then mkdir "$root$path"; mount --rbind "$path" "$root$path"
       fi ;;
    esac
done
mkdir "$root/proc" "$root/tmp" "$root/app"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mkdir -p "$root$PWD"
mount --bind "$PWD" "$root$PWD"
for name in $COPIED .venv; do
    if [ -d "$name" ]; then mkdir "$root/app/$name"; else touch "$root/app/$name"; fi
    mount --bind "$PWD/$name" "$root/app/$name"
done
for file in .venv/pyvenv.cfg .venv/quantum/pyvenv.cfg; do
    if [ -e "$file" ]; then
        sed 's/^\\(include-system-site-packages = \\)false/\\1true/' "$file" > "$volumes/cfg"
        cp "$volumes/cfg" "$root/tmp/$(echo $file | tr / -)"
        mount --bind "$root/tmp/$(echo $file | tr / -)" "$root/app/$file"
    fi
done
mkdir "$root/app/extra-plugins"
mount --bind "$volumes/extra-plugins" "$root/app/extra-plugins"
for folder in $VOLUMES; do
    mkdir "$root$folder"
    mount --bind "$volumes/${folder##*/}" "$root$folder"
done
mkdir "$root/tmp/postgresql"
touch "$root/tmp/postgresql/$(basename "$socket")"
mount --bind "$socket" "$root/tmp/postgresql/$(basename "$socket")"
# Read-only is a property of each mount.
grep " $root" /proc/self/mounts | cut -d ' ' -f 2 | while read -r mounted; do
    case $mounted in
    "$root"/proc* | "$root/tmp"* | "$root"/dev* | "$root"/sys*) ;;
    *) writable=no
       for folder in $VOLUMES; do [ "$mounted" != "$root$folder" ] || writable=yes; done
       [ $writable = yes ] || mount -o remount,bind,ro "$mounted" ;;
    esac
done
unset COPIED VOLUMES
exec chroot "$root" setpriv --reuid "$RUN_AS" --regid "$RUN_AS" --clear-groups \\
    --no-new-privs --bounding-set=-all,+RIGHTS --inh-caps=-all,+RIGHTS \\
    --ambient-caps=-all,+RIGHTS env --ignore-environment --chdir=/app "$@"
""".replace("RIGHTS", _RIGHTS)


def missing_needs() -> str:
    """Return why there can be no such container here, and what helps; nothing if there can."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not on PATH: install util-linux and tini"
    probe = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "x", "/mnt"]
    tried = subprocess.run(probe, capture_output=True, text=True)
    return (
        f"no namespaces ({tried.stderr.strip()}): run as root" if tried.returncode else ""
    )


class Container:
    """A running container; use it in a ``with`` block.

    Args:
        folder: of its volumes.
        socket: of the database, which it finds in ``/tmp/postgresql``.
        variables: environment variables beside those of the image.
        command: what is run in place of the image's own.
    """

    def __init__(
        self, folder: Path, socket: Path, command=None, **variables: str
    ) -> None:
        image = read_dockerfile()
        user = image.user.partition(":")[0]
        root = folder / "root"
        for name in ("root", "extra-plugins", *map(os.path.basename, image.volumes)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            os.chown(folder / name, int(user), int(user))
        path = image.environment["PATH"].replace("${PATH}", os.environ["PATH"])
        given = {**image.environment, "HOME": "/tmp", "PATH": path, **variables}
        copied = [name for name in image.copied if name not in ("scripts/environment",)]
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"]
                + ["--propagation", "private", "sh", "-c", _SCRIPT, "container"]
                + [str(root), str(folder), str(socket)]
                + [f"{name}={value}" for name, value in given.items()]
                + (command or image.entry_point),
                cwd=CHECKOUT,
                env={
                    "PATH": os.environ["PATH"],
                    "RUN_AS": user,
                    "COPIED": " ".join(copied),
                    "VOLUMES": " ".join(image.volumes),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            print(self.log)
        if self.process.poll() is None:
            self.process.kill()  # and with it all processes in there
            self.process.wait()

    @property
    def log(self) -> str:
        """All that it has written so far."""
        return self._log.read_text("utf-8", "replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has written something."""

        def has_written() -> bool:
            assert self.process.poll() is None, f"it has ended:\n{self.log}"
            return text in self.log

        wait_until(has_written, START_SECONDS, text)

    def first_process(self) -> int:
        """Return the number that the machine gives to the container's first process."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def stop(self) -> int:
        """Stop it as engines do, and return its exit status."""
        os.kill(self.first_process(), 15)
        return self.process.wait(STOP_SECONDS)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with its environment."""
        inside = ["nsenter", "--mount", "--pid", "--root", "--wd"]
        pid = self.first_process()
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return subprocess.run(
            [*inside, f"--target={pid}", *command],
            env=dict(each.split(b"=", 1) for each in environment if each),
            capture_output=True,
            text=True,
        )
