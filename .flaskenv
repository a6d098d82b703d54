# The app for "flask ..." commands.
FLASK_APP=qhana_plugin_runner
# The port of "flask run"; QHAna expects plugin runners there.
FLASK_RUN_PORT=5005
# Debug mode for development with "flask run"; scripts/run works without it.
FLASK_DEBUG=1
