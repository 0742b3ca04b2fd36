"""Whatever a user does, in whatever order: hypothesis walks over one tape, and every step is checked (see `walks`)."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from programs import programs
from walks import Walk

outputs = st.integers(0, 5)
leaves = st.lists(st.integers(0, 3), min_size=1, max_size=3)
seeds = st.integers(1, 4)


class Walking(RuleBasedStateMachine):
    @initialize(program=programs(least=2, most=8, blas=False))
    def begin(self, program):
        self.walk = Walk(program)

    @rule(k=outputs, picks=leaves)
    def ask(self, k, picks):
        self.walk.ask(k, picks)

    @rule(k=outputs)
    def look(self, k):
        self.walk.look(k)

    @rule(picks=leaves, seed=seeds)
    def assign(self, picks, seed):
        self.walk.assign(picks, seed)

    @rule(picks=leaves)
    def assign_what_is_there(self, picks):
        self.walk.assign_what_is_there(picks)

    @rule(i=st.integers(0, 3), j=st.integers(0, 3))
    def swap(self, i, j):
        self.walk.swap(i, j)

    @rule(picks=leaves, seed=seeds)
    def assign_and_take_back(self, picks, seed):
        self.walk.assign_and_take_back(picks, seed)

    @rule(k=outputs, i=st.integers(0, 3))
    def record(self, k, i):
        self.walk.record(k, i)

    @rule(k=outputs)
    def name(self, k):
        self.walk.name(k)

    @rule(k=st.none() | outputs)
    def forget(self, k):
        self.walk.forget(k)

    @rule(budget=st.sampled_from([None, 0, 20, 100, 1000]))
    def limit(self, budget):
        self.walk.limit(budget)

    @rule()
    def copy(self):
        self.walk.copy()

    @rule()
    def save(self):
        self.walk.save()

    @rule(k=outputs, picks=leaves)
    def scratch(self, k, picks):
        self.walk.scratch(k, picks)

    @rule(k=outputs, picks=leaves, after=st.integers(0, 8))
    def fail(self, k, picks, after):
        self.walk.fail(k, picks, after)

    @rule(picks=leaves, seed=seeds, line=st.integers(1, 200))
    def interrupt(self, picks, seed, line):
        self.walk.interrupt(picks, seed, line)

    @invariant()
    def check(self):
        if hasattr(self, "walk"):
            self.walk.check()


TestWalks = Walking.TestCase
TestWalks.settings = settings(max_examples=1000, stateful_step_count=50)
TestWalks.pytestmark = pytest.mark.slow
