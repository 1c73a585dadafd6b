"""A gate on a bench: the machine, a clock that is turned by hand, and what it asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge.gate import events as ev
from edge.gate.estimate import Correction
from edge.gate.machine import initial, start, step
from edge.gate.reasons import Device
from edge.gate.rules import LaneRules, Rules
from edge.gate.screening import ScreeningRules
from feed.record import Draft, Person, Token
from identity.credential import Credential, Scheme

IN = LaneRules(name="in", direction="in")
OUT = LaneRules(name="out", direction="out")
RULES = Rules(
    lanes=(IN, OUT),
    schemes={Scheme.CCCD: "accept", Scheme.OPAQUE: "flag", Scheme.DCC: "deny"},
    # the simplest thermometer: it shows the body's temperature, and is believed at once
    screening=ScreeningRules(
        correction=Correction(offset_c=0.0, ambient_slope=0.0), repeats=0, secondary_s=0.0
    ),
    fault_policy={
        Device.CAMERA: "deny",
        Device.THERMOMETER: "deny",
        Device.RECORDER: "deny",
        Device.IDENTITY: "admit",
    },
)


def with_policy(rules: Rules, device: Device, policy: Any) -> Rules:
    return replace(rules, fault_policy={**rules.fault_policy, device: policy})


def with_lane(rules: Rules, **parts: Any) -> Rules:
    return replace(rules, lanes=(replace(rules.lanes[0], **parts), *rules.lanes[1:]))


class Bench:
    """Events in, effects out. `durable` and `identified` answer writes and tokens at once."""

    def __init__(
        self, rules: Rules = RULES, *, durable: bool = True, identified: bool = True
    ) -> None:
        self.rules = rules
        self.now = 1000.0
        self.durable = durable
        self.identified = identified
        self.effects: list[ev.Effect] = []
        self.released = False
        self.drafts: dict[int, tuple[Draft, int | None]] = {}
        self.seq = 0
        self.shown: dict[str, ev.Show] = {}
        self.presentations = 0
        self.state, effects = start(rules, initial(rules), self.now)
        self._do(effects)

    def send(self, event: ev.Event) -> None:
        self.state, effects = step(self.rules, self.state, event, self.now)
        self._do(effects)

    def _do(self, effects: tuple[ev.Effect, ...]) -> None:
        answers: list[ev.Event] = []
        for effect in effects:
            self.effects.append(effect)
            match effect:
                case ev.Release():
                    self.released = True
                case ev.Secure():
                    self.released = False
                case ev.Show():
                    self.shown[effect.reader] = effect
                case ev.Write():
                    self.drafts[effect.request] = (effect.draft, effect.ref_request)
                    answers += self.answer_write(effect)
                case ev.Identify():
                    answers += self.answer_identify(effect)
        for answer in answers:
            self.send(answer)

    def answer_write(self, effect: ev.Write) -> list[ev.Event]:
        if not self.durable:
            return []
        self.seq += 1
        return [ev.Durable(request=effect.request, seq=self.seq)]

    def answer_identify(self, effect: ev.Identify) -> list[ev.Event]:
        if not self.identified:
            return []
        token = Token(kid="k1", scope="park", v=effect.credential.canonical)
        person = Person(scheme=effect.credential.scheme, token=token)
        return [
            ev.Identified(reader=effect.reader, presentation=effect.presentation, person=person)
        ]

    def after(self, seconds: float) -> None:
        """Let time pass, with every tick that is due on the way."""
        end = self.now + seconds
        while self.state.deadline_s is not None and self.state.deadline_s <= end:
            self.now = max(self.now, self.state.deadline_s)
            self.send(ev.Tick())
        self.now = end
        self.send(ev.Tick())

    def code(
        self, text: str = "079087000001", reader: str = "in", scheme: Scheme = Scheme.CCCD
    ) -> str:
        """A code held up: a new presentation."""
        self.presentations += 1
        presentation = f"{reader}-{self.presentations}"
        self.again(presentation, text, reader, scheme)
        return presentation

    def again(
        self, presentation: str, text: str, reader: str = "in", scheme: Scheme = Scheme.CCCD
    ) -> None:
        credential = Credential(scheme=scheme, canonical=f"{scheme}:{text}")
        self.send(ev.CodeSeen(reader=reader, presentation=presentation, credential=credential))

    def samples(
        self, object_c: float, count: int = 8, reader: str = "in", ambient_c: float = 26.0
    ) -> None:
        for _ in range(count):
            self.after(0.1)
            self.send(ev.Sample(reader=reader, object_c=object_c, ambient_c=ambient_c))

    def nobody(self, reader: str = "in") -> None:
        self.samples(26.0, 2, reader)

    def face(self, object_c: float = 36.6, reader: str = "in") -> None:
        self.nobody(reader)
        self.samples(object_c, reader=reader)

    def walk_through(self) -> None:
        """Open, go, let it fall shut."""
        self.after(0.5)
        self.send(ev.Contact(is_open=True))
        self.after(1.0)
        self.send(ev.Contact(is_open=False))

    def of_kind(self, kind: str) -> list[Draft]:
        return [draft for draft, _ in self.drafts.values() if draft.kind == kind]

    @property
    def decisions(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            (draft.decision.result, tuple(str(reason) for reason in draft.decision.reasons))
            for draft in self.of_kind("passage")
            if draft.decision is not None
        ]

    @property
    def outcomes(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            (draft.outcome.result, tuple(str(reason) for reason in draft.outcome.reasons))
            for draft in self.of_kind("outcome")
            if draft.outcome is not None
        ]

    @property
    def alarms(self) -> list[tuple[str, Any]]:
        return [
            (draft.event.name, (draft.event.detail or {}).get("state"))
            for draft in self.of_kind("alarm")
            if draft.event is not None
        ]
