"""Reasons of errors in the store's commands and in Azure ML's files."""

from localmodel.reasons.table import AZURE_FILES, STALLED, STORE
from localmodel.reasons.table import also as _also
from localmodel.reasons.table import reason as _reason

# The store's commands

MODEL_NAME_INVALID = _reason(
    STORE,
    "ModelNameInvalid",
    "a model's name has characters that folders and registries do not accept, or differs only in case from "
    "one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
ENVIRONMENT_NAME_INVALID = _reason(
    STORE,
    "EnvironmentNameInvalid",
    "an environment's name has characters that folders and registries do not accept, or differs only in case "
    "from one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
CODE_NAME_INVALID = _reason(
    STORE,
    "CodeNameInvalid",
    "a code's name has characters that folders and registries do not accept, or differs only in case from "
    "one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
ALIAS_NOT_FOUND = _reason(
    STORE,
    "AliasNotFound",
    "the model has no such alias",
    "the message lists its aliases; `lmd model alias NAME:VERSION ALIAS` sets one",
)
ALIAS_INVALID = _reason(STORE, "AliasInvalid", "the alias looks like a number, or is `latest`", "use a word")
PROPERTY_IMMUTABLE = _reason(STORE, "PropertyImmutable", "a property cannot change", "use a tag for what changes")
MODEL_IN_USE = _reason(
    STORE,
    "ModelInUse",
    "deployments use this version as a model",
    "the message names them: delete them, or move them to another version",
)
ENVIRONMENT_IN_USE = _reason(
    STORE,
    "EnvironmentInUse",
    "deployments use this version as their environment",
    "the message names them: delete them, or move them to another version",
)
STORE_FULL = _reason(
    STORE,
    "StoreFull",
    "the store's disk has not enough room",
    "the message says how much is needed and free; use `lmd store gc` and `lmd env prune`, or another "
    "`LOCALMODEL_HOME`; `lmd store du` shows where the bytes are",
)
STORE_DAMAGED = _reason(
    STORE,
    "StoreDamaged",
    "a manifest of the store was changed or lost outside of the store",
    "`lmd store verify` says which; register, pull or import it again",
)
VARIABLE_INVALID = _reason(
    STORE,
    "VariableInvalid",
    "a variable of the command itself, such as `LOCALMODEL_KEEP_ENVIRONMENTS`, is not valid",
    "the message names it",
)
STATE_DAMAGED = _reason(
    STORE,
    "StateDamaged",
    "a file below `LOCALMODEL_HOME` cannot be read; the message names it, and why",
    "follow the message: `lmd apply` makes a deployment's files again, and `lmd delete` removes them; restore a "
    "version in the store from a backup, or delete it (`lmd model delete`). Lists continue with the others and end "
    "with exit code 1. While it is unknown what a record names, `lmd store gc` and `lmd env prune` remove nothing, "
    "and no version that it may use is deleted",
)
STATE_NEWER = _reason(
    STORE,
    "StateNewer",
    "a later version of localmodel has written the file; it stays unchanged",
    "`pip install --upgrade localmodel`",
)
HOME_UNUSABLE = _reason(
    STORE,
    "HomeUnusable",
    "the folder that `LOCALMODEL_HOME` names, or a file in it, cannot be created, read or written",
    "the message has the path and the system's error: name your own folder, or change the permissions; `lmd "
    "doctor` checks it too",
)
REFERENCE_INVALID = _reason(
    STORE,
    "ReferenceInvalid",
    "the reference to the registry is incomplete",
    "write `HOST/REPOSITORY:TAG`, such as `localhost:5000/models/ridge:3`",
)
REGISTRY_UNREACHABLE = _reason(
    STORE,
    "RegistryUnreachable",
    "no registry answers there, or not with TLS",
    "the message has the error; use `--insecure` for plain HTTP, `REQUESTS_CA_BUNDLE` for your own CA",
)
REGISTRY_REFUSED = _reason(
    STORE,
    "RegistryRefused",
    "the registry needs other credentials, or refuses the request",
    "`docker login HOST`; the message has its answer",
)
SHARED_STORE_INVALID = _reason(
    STORE,
    "SharedStoreInvalid",
    "`LOCALMODEL_STORE` names no repository that can hold a store, or a name is too long for one",
    "[Share a store](how-to/registry.md#share-a-store)",
)
ARTIFACT_NOT_FOUND = _reason(
    STORE, "ArtifactNotFound", "the registry has nothing under that tag", "push it first, or correct the tag"
)
ARTIFACT_UNSUPPORTED = _reason(
    STORE,
    "ArtifactUnsupported",
    "the artifact is not one of our models, environments or code, nor a ModelPack model in one uncompressed layer",
    "pull what `lmd model push` has pushed",
)
NAME_MISSING = _reason(STORE, "NameMissing", "the received artifact does not contain its name", "`--name`")
CONTENT_DAMAGED = _reason(
    STORE,
    "ContentDamaged",
    "the received content does not match its digest; nothing was kept",
    "try again; if it happens again, push or export it again",
)
ARCHIVE_INVALID = _reason(
    STORE,
    "ArchiveInvalid",
    "the file is not one that `lmd model export` writes, or a tar of a model or of code contains what is not "
    "accepted: a link, a device, a path that leads out, a name twice, false headers; the message names the member, "
    "and nothing was kept",
    "copy or export it again; do not use a file that others may have changed",
)
TOO_MANY_FILES = _reason(
    STORE,
    "TooManyFiles",
    "the model or the code has more files and folders than one version can have",
    "pack them into fewer files",
)
ADDRESS_INVALID = _reason(
    STORE,
    "AddressInvalid",
    "the address of a model or a repository is not one that can be read",
    "the message says what to write; [the addresses](how-to/models-by-address.md)",
)
ADDRESS_NOT_FOUND = _reason(
    STORE, "AddressNotFound", "there is nothing at the address", "correct the address or the revision"
)
ADDRESS_REFUSED = _reason(
    STORE,
    "AddressRefused",
    "the server or bucket does not let you read it, or sends what is no file",
    "the message says where your credentials belong, or what has come",
)
ADDRESS_UNREACHABLE = _reason(
    STORE,
    "AddressUnreachable",
    "nothing answers at the address, or the connection ends again and again",
    "check the address, the network and the proxy (`HTTPS_PROXY`); then try again",
)
DIGEST_MISMATCH = _reason(
    STORE,
    "DigestMismatch",
    "what is at the address is another content than the one that `#sha256=` or `digest` names",
    "if you trust what is there now, write its digest",
)
LIBRARY_MISSING = _reason(
    STORE,
    "LibraryMissing",
    "the library that reads this kind of address is not installed",
    "install it, as the message says",
)
_also(
    STALLED,
    ADDRESS_INVALID,
    "a `uri` of `spec.models` or the `url` of a repository is not one that a cluster can read, such as `file://`",
    "the message says what to write",
)
_also(
    STALLED,
    ADDRESS_NOT_FOUND,
    "there is nothing at an address in the spec; it is looked at again every five minutes",
    "correct the address, the branch or the folder",
)
_also(
    STALLED,
    ADDRESS_REFUSED,
    "a server or bucket does not let the operator read an address in the spec, or sends what is no file",
    "give `credentials` beside the address: the operator uses no others, not even its user's",
)
_also(
    STALLED,
    DIGEST_MISMATCH,
    "a model of `spec.models` has another digest than the one in its `digest` or in `#sha256=`",
    "if you trust what is there now, write its digest",
)
_also(
    STALLED,
    LIBRARY_MISSING,
    "the operator's Python has no library that reads an address in the spec",
    "install it there, as the message says",
)
FILE_EXISTS = _reason(
    STORE, "FileExists", "a download or export would replace a file", "name another folder, or allow it"
)

# Azure ML's files

AZURE_FILE_INVALID = _reason(
    AZURE_FILES,
    "AzureFileInvalid",
    "the file is neither YAML nor JSON, contains a field twice, or does not describe a deployment",
    "the message has the line; give an endpoint's file together with its deployment's file",
)
AZURE_FIELD_REFUSED = _reason(
    AZURE_FILES,
    "AzureFieldRefused",
    "a field is unknown, has another type, or has no equivalent here",
    "the message has field, line and what to write instead; [all fields](how-to/azure-yaml.md)",
)
_also(AZURE_FILES, NAME_MISSING, "v1's files do not name the deployment", "`--name`")
