"""A group of commands that suggests a command for an unknown one."""

import difflib

import click

# Words of other tools -> our commands, if the group has them.
_WORDS = {
    "add": ("register", "create", "apply"),
    "benchmark": ("bench",),
    "call": ("invoke",),
    "check": ("doctor", "verify"),
    "clean": ("gc", "prune"),
    "create": ("apply", "register"),
    "curl": ("invoke",),
    "deploy": ("apply",),
    "describe": ("show", "status"),
    "diff": ("plan",),
    "down": ("stop", "delete"),
    "environment": ("env",),
    "environments": ("env",),
    "get": ("show", "status"),
    "info": ("show", "status"),
    "inspect": ("show", "status"),
    "kill": ("stop", "delete"),
    "list": ("list", "status"),
    "log": ("logs",),
    "ls": ("list", "status"),
    "models": ("model",),
    "new": ("init", "create"),
    "predict": ("invoke",),
    "ps": ("list", "status"),
    "remove": ("delete",),
    "request": ("invoke",),
    "revert": ("rollback",),
    "rm": ("delete",),
    "score": ("invoke",),
    "send": ("invoke",),
    "serve": ("apply",),
    "show": ("status",),
    "test": ("try",),
    "top": ("status",),
    "undo": ("rollback",),
    "up": ("apply",),
    "update": ("apply",),
    "watch": ("dev",),
}


_CLOSE = 0.7  # at least so alike are two commands between which the name may be a slip


class Group(click.Group):
    """A group that suggests a command for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        known = self.list_commands(ctx)
        meant = [word for word in _WORDS.get(name.lower(), ()) if word in known]
        meant = meant[:1] or difflib.get_close_matches(name.lower(), known, 2, _CLOSE)
        meant = meant or difflib.get_close_matches(name.lower(), known, 1)
        commands = " or ".join(f"{ctx.command_path} {word}" for word in meant)
        hint = f"Did you mean {commands}?" if meant else f"{ctx.command_path} --help lists all."
        raise click.UsageError(f"No such command {name!r}. {hint}", ctx)
