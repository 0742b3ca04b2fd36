"""A request: repeated when it was disturbed, and on its own with the tape."""

import numpy as np
import pytest

import memograd as mg
from memograd.errors import BusyError, DisturbedError
from memograd.solver.requests import ask


@pytest.fixture
def L(x):
    return np.sum(np.sin(x) * x).named("L")


def disturbed_once():
    """An answer that is disturbed when it is called the first time, and the list of its calls."""
    calls = []

    def answer(request, n):
        calls.append(n)
        if len(calls) == 1:
            raise DisturbedError("disturbed")
        return request.cotangent(n)

    return answer, calls


def test_a_disturbed_request_is_repeated(L, x):
    answer, calls = disturbed_once()
    assert ask(L, None, answer, x.id) is mg.table(L)._held[x.id] and calls == [x.id] * 2


def test_not_where_a_log_has_its_events_and_the_log_goes_on(L, x):
    answer, calls = disturbed_once()
    log, undisturbed = mg.Log(), mg.Log()
    with pytest.raises(DisturbedError):
        ask(L, log, answer, x.id)
    assert calls == [x.id] and log.events == []
    mg.grad(L, x, log=log)
    L.tape.forget(L)
    mg.grad(L, x, log=undisturbed)
    assert log.events == undisturbed.events


@pytest.mark.parametrize("log", [None, mg.Log()])
def test_the_tape_does_not_change_meanwhile_and_does_afterwards(L, x, log):
    def assign(request):
        L.tape.assign({x: [3.0, 4.0]})

    with pytest.raises(BusyError, match="assign came in the middle of a request"):
        ask(L, log, assign)
    L.tape.assign({x: [3.0, 4.0]})
    assert x.value.tolist() == [3.0, 4.0]


def test_what_a_request_computes_is_for_its_target_and_an_inner_one_does_not_change_that(L, x):
    history = L.tape.state.history
    inner = np.sum(x * x)

    def answer(request):
        mg.grad(inner, x)
        return request.cotangent(x.id)

    ask(L, None, answer)
    provenance = L.tape.state.tables[L.id].provenance
    assert history.requests == 2 and {p.target for p in provenance.values()} == {x.id}


def test_after_an_error_later_entries_are_those_of_later_requests(L, x, monkeypatch):
    memory = L.tape.state
    before = memory.history.current

    def fail(request):
        monkeypatch.setattr(type(memory), "store", None)
        request.cotangent(x.id)

    with pytest.raises(TypeError):
        ask(L, None, fail)
    assert memory.history.current is before
