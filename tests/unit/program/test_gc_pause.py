"""Pauses of the garbage collector nest, overlap between threads, and end."""

import gc
import threading

import numpy as np
import pytest

import memograd as mg
from memograd.plans.passes import Pass
from memograd.program.gc_pause import pause_gc


@pytest.fixture(autouse=True)
def enabled_collector():
    """Enable the collector before and after each test."""
    gc.enable()
    yield
    gc.enable()


def test_inner_pause_does_not_end_the_outer_one():
    with pause_gc():
        with pause_gc():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_pause_leaves_a_disabled_collector_disabled():
    gc.disable()
    with pause_gc():
        pass
    assert not gc.isenabled()


def test_pause_ends_after_an_exception():
    with pytest.raises(KeyError), pause_gc():
        raise KeyError
    assert gc.isenabled()


def test_last_of_overlapping_pauses_enables_the_collector():
    first_ended, second_began = threading.Event(), threading.Event()
    seen = []

    def second():
        with pause_gc():
            second_began.set()
            first_ended.wait(timeout=60)
            seen.append(gc.isenabled())

    thread = threading.Thread(target=second)
    with pause_gc():
        thread.start()
        assert second_began.wait(timeout=60)
    first_ended.set()
    thread.join(timeout=60)
    assert seen == [False]
    assert gc.isenabled()


def test_trace_runs_in_a_pause():
    seen = []

    def traced(x):
        seen.append(gc.isenabled())
        return np.sum(x)

    mg.functional.compiled(traced)(np.ones(3))
    assert seen == [False]
    assert gc.isenabled()


def test_passes_run_in_a_pause():
    seen = []

    def note(graph):
        seen.append(gc.isenabled())
        return graph

    x = mg.Tape().leaf([1.0, 2.0])
    mg.plan(np.sum(x), [x], passes=[Pass("note", note)])
    assert seen == [False]
    assert gc.isenabled()
