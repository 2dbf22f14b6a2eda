"""A source folder below its own name, for scripts that look for it there.

Azure ML copies the folder under its name and starts beside it, so that scripts read `./source_directory/x.json` or
import `source_directory.x`. Here the working folder is the source folder itself: what such a script wants is there a
second time. Copies and not a link to itself, which would be one more kind of file for images, bundles and all that
reads folders.
"""

import re
from collections.abc import Mapping


def copies(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    """The files that scripts among them look for below the folder's `name`, by such a path.

    All others where a path in a text leads to one, modules where an import statement does: an empty folder of modules
    could hide an installed package. A file or folder of this name in the folder is what is meant instead.
    """
    tops = {path.partition("/")[0].encode() for path in files}
    if not name or name.encode() in tops:
        return {}
    scripts = b"\n".join(content for path, content in files.items() if path.endswith(".py"))
    own = re.escape(name).encode()
    read = re.findall(rb"""['"](?:\./)?%s/([^/'"]*)""" % own, scripts)
    joined = re.search(rb"""(?:join|Path|listdir)\(\s*['"](?:\./)?%s['"]""" % own, scripts)
    imported = re.findall(rb"(?m)^\s*(?:import\s+%s\.|from\s+%s(?:\.|\s+import\s+))(\w+)" % (own, own), scripts)
    others = joined or any(part in (*tops, b"") or part.startswith(b"{") for part in read)
    modules = any({part, part + b".py"} & tops for part in imported)
    return {f"{name}/{path}": files[path] for path in files if (modules if path.endswith(".py") else others)}
