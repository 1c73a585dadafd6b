"""The park's passes at this gate: with which keys they are checked, who is revoked, what was shown.

With no key (trust.park_keys) passes stand as unverified and no lists are taken.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.clock import Clock
from edge.config.model import Config
from edge.gate.events import Noted
from edge.identify import TrustConfigError, moment
from edge.lists import Lists
from identity.keys import KeyFileError
from identity.passes.keys import ParkKeys
from identity.schemes.code import Parser
from identity.schemes.park_pass import PassVerifier, Replays, Tolerance, understand_pass


class ParkPasses:
    """Keys, lists and memory of a gate. `lists` is None without a key.

    `note` is given what becomes of lists (edge.lists). Raises TrustConfigError.
    """

    def __init__(self, config: Config, clock: Clock, note: Callable[[Noted], None]) -> None:
        self.lists: Lists | None = None
        self.parse: Parser = understand_pass
        table, gate = config.trust, config.gate
        if table.park_keys is None:
            return
        try:
            keys = ParkKeys.read(table.park_keys)
        except KeyFileError as error:
            raise TrustConfigError(f"[trust] park_keys: {error}") from error
        self.lists = Lists(table.lists_path, keys.by_id(), park=gate.park, note=note)
        self.parse = PassVerifier(
            keys,
            clock=lambda: moment(clock),
            park=gate.park,
            site=gate.site,
            revoked=self.lists.revoked,
            tolerance=Tolerance(steps=table.phone_steps, slack_s=table.clock_slack_s),
            replays=Replays(),
        ).parse

    def load(self) -> None:
        """Take the lists on disk."""
        if self.lists is not None:
            self.lists.load()
