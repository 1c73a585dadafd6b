"""x"""

import click


@click.command()
def doctor() -> int:
    """x

    Example:"""
    return 0
