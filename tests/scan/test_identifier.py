from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.gate.events import Event, Identified, Identify, NotIdentified
from edge.scan.identifier import WAITING_MOST, IdentifierWorker
from feed.record import Person
from identity.credential import Credential, Scheme

PERSON = Person(scheme="cccd", category="visitor")


def request(number: int = 1) -> Identify:
    credential = Credential(scheme=Scheme.CCCD, canonical=f"cccd:{number}")
    return Identify(reader="in", presentation=f"in-{number}", credential=credential)


@contextmanager
def running(
    identify: Callable[[Credential], Person],
) -> Iterator[tuple[IdentifierWorker, queue.Queue[Event]]]:
    events: queue.Queue[Event] = queue.Queue()
    worker = IdentifierWorker(identify, events.put)
    worker.start()
    try:
        yield worker, events
    finally:
        assert worker.stop()
        assert worker.error is None


def test_a_request_is_answered_with_its_person() -> None:
    with running(lambda _: PERSON) as (worker, events):
        worker.submit(request())
        answer = events.get(timeout=5)
    assert answer == Identified(reader="in", presentation="in-1", person=PERSON)


def test_an_error_of_the_identifier_is_an_answer_and_the_next_request_is_served() -> None:
    def failing(credential: Credential) -> Person:
        if credential.canonical == "cccd:1":
            raise MemoryError("scrypt")
        return PERSON

    with running(failing) as (worker, events):
        worker.submit(request(1))
        worker.submit(request(2))
        answers = [events.get(timeout=5), events.get(timeout=5)]
    assert answers[0] == NotIdentified(
        reader="in", presentation="in-1", person=Person(scheme="cccd")
    )
    assert answers[1] == Identified(reader="in", presentation="in-2", person=PERSON)


def test_too_many_requests_are_answered_at_once_and_do_not_block_the_gate() -> None:
    busy, go_on = threading.Event(), threading.Event()

    def slow(_: Credential) -> Person:
        busy.set()
        go_on.wait(10)
        return PERSON

    with running(slow) as (worker, events):
        worker.submit(request(0))
        assert busy.wait(5)
        for number in range(1, WAITING_MOST + 2):
            worker.submit(request(number))
        assert isinstance(events.get_nowait(), NotIdentified)
        go_on.set()
        answers = [events.get(timeout=5) for _ in range(WAITING_MOST + 1)]
    assert all(isinstance(answer, Identified) for answer in answers)
