"""The history of requests and assignments."""

from memograd.memory.provenance import History, Provenance


def test_leaves_that_are_assigned_together_have_one_number():
    history = History()
    history.note_assignment([3, 4])
    history.note_assignment([4])
    assert (history.assignments, history.assigned) == (2, {3: 1, 4: 2})


def test_what_was_assigned_since():
    history = History()
    for leaves in ([1], [2], [1]):
        history.note_assignment(leaves)
    assert history.assigned_since(1) == {2: 2, 1: 3} and history.assigned_since(3) == {}


def test_the_provenance_of_what_is_computed():
    history = History()
    history.requests += 2
    history.note_assignment([1])
    assert history.provenance_for(7) == Provenance(request=2, target=7, assignments=1)
