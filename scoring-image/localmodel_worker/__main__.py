"""Start of a worker process: `<user's python> <this folder> <socket fd> [--template | --warm]`."""


def _start() -> None:
    # Here, so that a pickle that names a Path of its script's does not get this one.
    import sys
    from pathlib import Path

    # Running a folder puts it first on sys.path, where our `errors` or `frames` would hide a user's module
    # of that name. So everything is imported as one package, and the path is gone before user code runs.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from localmodel_worker.service import serve

    del sys.path[0]
    serve(int(sys.argv[1]), *sys.argv[2:])


# multiprocessing's spawn method runs this file again under another name.
if __name__ == "__main__":
    _start()
