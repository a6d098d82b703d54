# Read by the other scripts, after they have set $root.

# Print the head of the script that was called when it is asked for help.
for argument in "$@"; do
    case $argument in
    -h | --help)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    --) break ;;
    esac
done

# Name the newest python3 on PATH, if python3 itself is too old.
newest_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "no Python 3.11 or newer on PATH: install one, then try again" >&2
    return 1
}

# Install a package of Debian where none of its commands is, if that needs nobody's consent.
# usage: debian_package NAME WHAT_FOR [COMMAND ...]
debian_package() {
    package=$1 reason=$2
    shift 2
    for name in "$package" "$@"; do
        ! command -v "$name" >/dev/null || return 0
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $package, for $reason" >&2
        apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends "$package" >&2 ||
            echo "$package could not be installed; see above" >&2
    fi
}

# Make .venv hold the named groups of dependencies, and set $python to its Python. With
# PYTHON=python3.12, it is .venv-3.12.
environment() {
    python=${PYTHON:-$(newest_python)} || exit 1
    python=$("$python" "$root/scripts/environment" "$@") || exit 1
}
