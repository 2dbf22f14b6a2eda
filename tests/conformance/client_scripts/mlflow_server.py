"""MLflow's tracking server with a model registry, as one process, with its data in the folder named. Prints its port.

Below /private the same server wants the name `ann` with the password `secret`.
"""

import os
import sys
from pathlib import Path

folder = Path(sys.argv[1])
# As `mlflow server` says it to the processes that it starts; that takes twice as long.
os.environ.update(
    {
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "_MLFLOW_SERVER_FILE_STORE": str(folder / "runs"),
        "_MLFLOW_SERVER_REGISTRY_STORE": str(folder / "runs"),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
)

from mlflow.server import app  # noqa: E402
from werkzeug.middleware.dispatcher import DispatcherMiddleware  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402
from werkzeug.wrappers import Request, Response  # noqa: E402


def private(environ, start_response):
    given = Request(environ).authorization
    if given is None or (given.username, given.password) != ("ann", "secret"):
        refusal = Response("You are not authenticated.", 401, {"WWW-Authenticate": 'Basic realm="mlflow"'})
        return refusal(environ, start_response)
    return app(environ, start_response)


server = make_server("127.0.0.1", 0, DispatcherMiddleware(app, {"/private": private}), threaded=True)
print(server.port, flush=True)
server.serve_forever()
