"""A number of bytes in words."""


def words(count: int) -> str:
    """A number of bytes for people, such as 625 MB."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
