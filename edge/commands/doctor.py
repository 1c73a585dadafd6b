"""x"""

import click


@click.command()
def doctor() -> int:
    """X

    Example:
    """
    return 0
