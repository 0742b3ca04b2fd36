"""How far a request has come: each visit that ends is told; nothing is told, or even looked at, where nobody asked."""

import sys

import numpy as np
import pytest

import memograd as mg
from memograd.errors import BusyError, MissingLibraryError
from memograd.solver import progress as progress_module


@pytest.fixture
def product(tape):
    """L = exp(sin(x) * w): five derivatives lead to both leaves, L's own not counted."""
    x, w = tape.leaf(2.0, name="x"), tape.leaf(3.0, name="w")
    return x, w, np.exp((np.sin(x).named("s") * w).named("m")).named("L")


def told(L, targets):
    """What a request told, as pairs."""
    pairs = []
    mg.grad(L, targets, progress=lambda done, total: pairs.append((done, total)))
    return pairs


class TestCallable:
    def test_each_visit_that_ends_is_told(self, product):
        x, w, L = product
        assert told(L, [x, w]) == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def test_what_is_known_is_not_visited(self, product):
        x, w, L = product
        assert told(L, {"w": w}) == [(1, 2), (2, 2)]
        assert told(L, (w, [x])) == [(1, 2), (2, 2)]
        assert told(L, [x, w, L, x.tape.leaf(1.0)]) == []

    def test_what_is_verified_counts(self, product):
        x, w, L = product
        mg.grad(L, [x, w])
        x.value = 2.0
        assert told(L, [x, w]) == [(1, 4), (2, 4), (3, 4), (4, 4)]

    def test_the_log_is_the_same(self, tape, product):
        x, w, L = product
        with_progress, without = mg.Log(), mg.Log()
        mg.grad(L, [x, w], log=with_progress, progress=lambda done, total: None)
        M = np.exp((np.sin(x) * w).named("n")).named("M")
        mg.grad(M, [x, w], log=without)
        assert [e.kind for e in with_progress.events] == [e.kind for e in without.events]
        assert str(with_progress).count("→") == 4

    def test_an_exception_in_it_leaves_a_right_table(self, product):
        x, w, L = product

        def stop(done, total):
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            mg.grad(L, [x, w], progress=stop)
        assert len(mg.table(L)) == 3  # with ∂L/∂L
        assert told(L, [x, w]) == [(1, 2), (2, 2)]
        assert mg.grad(L, w) == pytest.approx(np.exp(np.sin(2.0) * 3.0) * np.sin(2.0), rel=1e-14)

    def test_it_may_ask_but_not_assign(self, product):
        x, w, L = product
        answers = []
        mg.grad(L, x, progress=lambda done, total: answers.append(mg.grad(L, w)))
        assert len(set(answers)) == 1
        x.tape.forget(L)
        with pytest.raises(BusyError):
            mg.grad(L, x, progress=lambda done, total: x.tape.assign({x: 1.0}))

    def test_something_else_is_refused(self, product):
        x, _, L = product
        with pytest.raises(
            TypeError,
            match=r"progress is True, False, or a callable that takes \(done, total\), not 3",
        ):
            mg.grad(L, x, progress=3)


class TestBar:
    def test_it_runs_over_the_visits(self, product, capsys):
        pytest.importorskip("tqdm", reason="tqdm is in the extra `progress`")
        x, w, L = product
        mg.grad(L, [x, w], progress=True)
        shown = capsys.readouterr().err
        assert "derivatives: 100%" in shown and "4/4" in shown

    def test_without_tqdm_the_error_says_how_to_install_it(self, product, monkeypatch):
        x, _, L = product
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        with pytest.raises(MissingLibraryError, match=r"pip install 'memograd\[progress\]'"):
            mg.grad(L, x, progress=True)
        assert mg.grad(L, x) == pytest.approx(3.0 * np.cos(2.0) * L.value, rel=1e-14)


def test_nothing_of_it_runs_where_nobody_asked(product):
    x, w, L = product
    ran = []

    def profile(frame, event, arg):
        if event == "call" and frame.f_code.co_filename == progress_module.__file__:
            ran.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        mg.grad(L, [x, w])
    finally:
        sys.setprofile(None)
    assert ran == []
