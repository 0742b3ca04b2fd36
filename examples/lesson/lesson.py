"""The lesson as a marimo notebook, with sliders on leaves: ``marimo run lesson.py``.

Its cells are those of ``lesson.ipynb``, which a test holds, and those of the sliders beside sections 8 and 13.
``marimo convert lesson.ipynb`` gives the former.
"""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Backpropagation, from a path to a small GPT

    The lesson follows sections 7 to 14 of M. Tomassoli's tutorial *Calculus and Backpropagation* (2016) with numbers that you can
    change. Then a GPT grows in three steps: from single numbers to arrays to a plan, with the same numbers each time. Exercises stand
    between; memograd checks the answers. You need `pip install memograd` and a notebook. Nothing here needs a network.
    """)
    return


@app.cell
def _():
    import exercises
    import numpy as np

    import memograd as mg
    from memograd.baselines import path_sum, paths

    return exercises, mg, np, path_sum, paths


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 7: paths

    In the double diamond, `a` reaches `e` on four paths: left or right at `b`, then left or right at `d`. The derivative is the sum
    over the paths of the product of the local derivatives along each.
    """)
    return


@app.cell
def _(mg, mo):
    tape = mg.Tape()
    a = tape.leaf(3.0, name="a")
    b1, b2 = (a + 2).named("b1"), (a + 4).named("b2")
    c = (b1 * b2 - 31).named("c")
    d1, d2 = (3 - c).named("d1"), (c * 0.5).named("d2")
    e = (d1 * d1 * d2).named("e")
    mo.Html(mg.draw(e))
    return a, e, tape


@app.cell
def _(a, e, mg, path_sum, paths, tape):
    for path in paths(e, a):
        print("a", *(tape[n].name for n, _ in path))
    print("the sum over the paths:", path_sum(e, a), "  mg.grad:", mg.grad(e, a))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    `d1` is used twice in `d1 * d1`, so there are six paths and not four. Their number doubles with each diamond, while backpropagation
    visits each node once.

    **Exercise 1.** How many paths lead through five diamonds, one after another? Replace the number.
    """)
    return


@app.cell
def _(exercises):
    exercises.exercise_1(2 * 2 * 2 * 2 * 2)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 8: the same with numbers

    `mg.derive` writes the two phases down. Forward, each value is computed from its operands. Backward, each derivative is a sum over
    the consumers; below it stands each local derivative, as the rule of the operation states it, beside its number. Nodes without a
    name of ours are folded into the formulas.
    """)
    return


@app.cell
def _(a, e, mg):
    mg.derive(e, a, fold=True)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ### Move the leaf

    Move `a`, and each number of the derivation follows. `a` is the only leaf; nothing else can be assigned.
    """)
    return


@app.cell
def _(mo):
    a_slider = mo.ui.slider(-3.0, 5.0, 0.5, value=3.0, label="a", show_value=True)
    a_slider
    return (a_slider,)


@app.cell
def _(a, a_slider, e, mg, mo):
    a.value = a_slider.value
    derivation, walk = mg.derive(e, a, fold=True), mg.Log()
    mg.grad(e, a, log=walk)
    mo.hstack([mo.Html(mg.draw(e, log=walk)), mo.Html(derivation.html())], wrap=True)
    return (derivation,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **Exercise 2.** Let z = x·exp(x·y). Write ∂z/∂x and ∂z/∂y.
    """)
    return


@app.cell
def _(exercises, np):
    def slopes(x, y):
        z = x * np.exp(x * y)
        return np.exp(x * y) + y * z, x * z

    exercises.exercise_2(slopes)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 9: a block

    A block knows how z follows from its inputs. Forward it gives z to all consumers. Backward it receives ∂L/∂z, which is summed over
    the consumers, and gives ∂L/∂x, ∂L/∂y and ∂L/∂W. In memograd a block is a function with a rule for each input; `g` is ∂L/∂z. The
    second input is called v here, because a rule calls the block's output y.
    """)
    return


@app.cell
def _(mg, np):
    @mg.op
    def block(x, v, W):
        return x * W + np.sin(v)

    mg.rule(block, x=lambda g, W: g * W, v=lambda g, v: g * np.cos(v), W=lambda g, x: g * x)
    tape_1 = mg.Tape()
    _x, v, W = (tape_1.leaf(at, name=name) for name, at in {"x": 0.5, "v": 1.0, "W": -2.0}.items())
    _z = block(_x, v, W).named("z")
    L = (np.exp(_z).named("q1") * np.square(_z).named("q2") + (2 * _z).named("q3")).named("L")
    mg.check.check_grad(L, [_x, v, W])
    mg.derive(L, [_x, v, W])
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    `check_grad` compared the rules with finite differences and found nothing wrong. Note the three terms of ∂L/∂z, one for each
    consumer, and that they were summed once for all three inputs.

    **Exercise 3.** Write the backward phase of the block z = x·tanh(W).
    """)
    return


@app.cell
def _(exercises, np):
    def backward(g, x, W):
        return g * np.tanh(W), g * x * (1 - np.tanh(W) ** 2)

    exercises.exercise_3(backward)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Sections 10 and 11: many inputs, and vectors

    With n inputs there is a term for each. Written as vectors, ∇L = ∂L/∂z · ∇z: a number times a column.
    """)
    return


@app.cell
def _(mg, np):
    tape_2 = mg.Tape()
    _x = tape_2.leaf([1.0, 2.0, 3.0], name="x")
    _z = np.sum(_x * _x).named("z")
    L_1 = np.sin(_z).named("L")
    print("∂L/∂z      =", np.round(mg.grad(L_1, _z), 4))
    print("∇z         =", mg.grad(_z, _x))
    print("∇L         =", np.round(mg.grad(L_1, _x), 4))
    print("∂L/∂z · ∇z =", np.round(mg.grad(L_1, _z) * mg.grad(_z, _x), 4))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 12: many outputs

    If z is a vector as well, its derivative by x is the Jacobian: z changes from row to row, x from column to column. Then
    ∇ₓL = Jᵀ ∇_z L. And J is the best linear approximation: f(u + du) ≈ f(u) + J du.
    """)
    return


@app.cell
def _(mg, np):
    def f(x):
        return np.stack([x[0] * x[1], np.sin(x[2]), x[0] + x[1] * x[2]])

    tape_3 = mg.Tape()
    u = tape_3.leaf([1.0, 2.0, 3.0], name="u")
    _z = f(u).named("z")
    L_2 = np.sum(np.exp(_z / 4)).named("L")
    _J = mg.jacobian(_z, u)
    print(np.round(_J, 4))
    print("Jᵀ ∇zL equals ∇uL:", np.allclose(_J.T @ mg.grad(L_2, _z), mg.grad(L_2, u)))
    for h in (0.1, 0.01, 0.001):
        du = h * np.array([1.0, -1.0, 0.5])
        error = f(u.value + du) - (f(u.value) + _J @ du)
        print(f"|du| about {h:g}: error of the approximation {np.max(np.abs(error)):.1e}")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    The error falls with the square of du. Tensors are no exception: written as one long vector they have a Jacobian, and it has the
    same numbers.
    """)
    return


@app.cell
def _(mg, np):
    X = mg.Tape().leaf(np.arange(6.0).reshape(2, 3), name="X")
    Y = X * X
    _J = mg.jacobian(Y, X)
    print("shape", _J.shape, "; vectorised", _J.reshape(6, 6).shape)
    print("diagonal", np.diag(_J.reshape(6, 6)))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **Exercise 4.** Write the Jacobian of softmax, exp(x) / Σ exp(x).
    """)
    return


@app.cell
def _(exercises, np):
    def softmax_jacobian(x):
        p = np.exp(x) / np.sum(np.exp(x))
        return np.diag(p) - np.outer(p, p)

    exercises.exercise_4(softmax_jacobian)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 13: dynamic programming

    Derivatives can be computed when they are asked for, recursively, and kept in a table. `→` computes and stores, `←` reads from the
    table. Of thirteen nodes seven are visited, and ∂L/∂c, which two requests need, is computed once.
    """)
    return


@app.cell
def _(mg):
    from memograd.cli.walkthrough import section_13

    tape_4, log = (section_13(), mg.Log())
    L_3 = tape_4["L"]
    for _name in ("W1", "W2", "W3"):
        mg.grad(L_3, tape_4[_name], log=log)
    log
    return L_3, log


@app.cell
def _(L_3, log, mg, mo):
    mo.Html(mg.draw(L_3, log=log))
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ### What a change reaches

    All three derivatives are known; then the leaves move, and they are asked for again. `✗` is an entry that turned out wrong, `→` is
    computed, `←` is read. A leaf that does not move costs nothing. The last table lays what was computed beside a full recomputation.
    """)
    return


@app.cell
def _(mo):
    moves = mo.ui.dictionary(
        {
            name: mo.ui.slider(-1.0, 1.0, 0.1, value=0.0, label=f"move {name} by", show_value=True)
            for name in ("W1", "W2", "W3", "p")
        }
    )
    moves
    return (moves,)


@app.cell
def _(mg, mo, moves, section_13):
    moved, changes = section_13(), mg.Log()
    targets = [moved[name] for name in ("W1", "W2", "W3")]
    mg.grad(moved["L"], targets)
    moved.assign({moved[name]: moved[name].value + by for name, by in moves.value.items() if by})
    mg.grad(moved["L"], targets, log=changes)
    picture = mo.Html(mg.draw(moved["L"], targets, log=changes))
    mo.hstack([picture, mo.md(f"```\n{changes}\n\n{changes.saved}\n```")], wrap=True)
    return (changes,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    `mg.player(L, log=log)` writes a page that plays this step by step, and asks what comes next if you tick *Teach*.

    **Exercise 5.** On a new tape ∂L/∂W1 is known. Which nodes does the request for ∂L/∂W3 visit?
    """)
    return


@app.cell
def _(exercises):
    exercises.exercise_5({"W3", "e", "c", "b"})
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **Exercise 6.** All three derivatives are known, and W1 is assigned. Which entries of the table are wrong now? (`g` = ∂L/∂g is
    b; and b does not depend on W1.)
    """)
    return


@app.cell
def _(exercises):
    exercises.exercise_6({"W1", "b", "c", "W2", "e", "W3"})
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Section 14: efficiency

    Backpropagation does not simplify. The sigmoid s has s' = s·(1 − s), but its parts do not know that. If you do, make it a block:
    """)
    return


@app.cell
def _(mg, np):
    @mg.op
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    mg.rule(sigmoid, x=lambda g, y: g * y * (1 - y))
    tape_5 = mg.Tape()
    _x = tape_5.leaf(0.5, name="x")
    s = sigmoid(_x).named("s")
    parts = (1 / (1 + np.exp(-_x))).named("parts")
    print(mg.derive(np.exp(s).named("L"), _x))
    print()
    print(f"from its parts: {mg.grad(parts, _x):.6f}   from the rule: {mg.grad(s, _x):.6f}")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    And the order of the products matters. For one output, from the right (reverse) all products are matrix times vector. For one
    input, from the left (forward). In between there are better orders than both; `mg.jacobian` counts them.
    """)
    return


@app.cell
def _(mg, np):
    _rng = np.random.default_rng(14)
    _x = mg.Tape().leaf(_rng.normal(size=30), name="x")
    narrow = np.tanh(_rng.normal(size=(2, 30)) / 5 @ _x).named("narrow")
    y = np.tanh(_rng.normal(size=(30, 2)) @ narrow).named("y")
    _J, report = mg.jacobian(y, _x, report=True)
    print(report)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **Exercise 7.** One number leads through 50 and 50 numbers to 50 outputs. Which direction is cheap?
    """)
    return


@app.cell
def _(exercises):
    exercises.exercise_7("forward")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # A GPT in three steps

    A GPT reads letters and says how likely each next letter is. Ours is as small as it can be: five letters, vectors of four numbers,
    one layer with one head. The idea of a whole GPT on single numbers is that of A. Karpathy's *microgpt*.

    ## Step 1: single numbers

    Every weight is a leaf, every product a node. This is section 8 with a few thousand nodes.
    """)
    return


@app.cell
def _(np):
    WORDS = ["anna", "emma", "mena", "nana", "mana", "enna"]
    LETTERS = ".aemn"  # a point begins and ends a word
    D, LONGEST = (4, 6)
    SHAPES = {
        "letter": (len(LETTERS), D),
        "place": (LONGEST, D),
        "query": (D, D),
        "key": (D, D),
        "value": (D, D),
        "mix": (D, D),
        "widen": (2 * D, D),
        "narrow": (D, 2 * D),
        "head": (len(LETTERS), D),
    }
    _rng = np.random.default_rng(0)
    weights = {name: 0.5 * _rng.normal(size=shape) for name, shape in SHAPES.items()}
    print(sum(w.size for w in weights.values()), "weights")

    def pairs(word):
        numbers = [LETTERS.index(letter) for letter in f".{word}."]
        return (numbers[:-1], numbers[1:])

    return D, LETTERS, LONGEST, WORDS, pairs, weights


@app.cell
def _(D, np, pairs):
    def dot(a, b):
        return sum(u * v for u, v in zip(a, b, strict=True))

    def linear(W, x):
        return [dot(row, x) for row in W]

    def add(a, b):
        return [u + v for u, v in zip(a, b, strict=True)]

    def scaled(x):
        size = np.sqrt(dot(x, x) / len(x) + 1e-5)
        return [u / size for u in x]

    def softmax(x):
        powers = [np.exp(u) for u in x]
        total = sum(powers)
        return [u / total for u in powers]

    def loss_of_numbers(w, word):
        keys, values, total = [], [], 0.0
        for place, (letter, following) in enumerate(zip(*pairs(word), strict=True)):
            x = add(w["letter"][letter], w["place"][place])
            h = scaled(x)
            query = linear(w["query"], h)
            keys.append(linear(w["key"], h))
            values.append(linear(w["value"], h))
            attention = softmax([dot(query, key) / np.sqrt(D) for key in keys])
            mixed = [dot(attention, column) for column in zip(*values, strict=True)]
            x = add(x, linear(w["mix"], mixed))
            hidden = [np.maximum(u, 0.0) for u in linear(w["widen"], scaled(x))]
            x = add(x, linear(w["narrow"], hidden))
            total = total - np.log(softmax(linear(w["head"], x))[following])
        return total / place

    return (loss_of_numbers,)


@app.cell
def _(loss_of_numbers, mg, np, weights):
    tape_6 = mg.Tape()
    numbers = {
        name: [
            [tape_6.leaf(v, name=f"{name}[{i},{j}]") for j, v in enumerate(row)]
            for i, row in enumerate(w)
        ]
        for name, w in weights.items()
    }
    L_4 = loss_of_numbers(numbers, "anna").named("L")
    first = {name: np.array(mg.grad(L_4, leaves)) for name, leaves in numbers.items()}
    print(f"loss {L_4.value:.6f} from {len(tape_6)} nodes")
    print(np.round(first["head"], 4))
    return L_4, first, tape_6


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Asked for one derivative, memograd visits what it needs and no more. The last weights are near L, the letters are not:
    """)
    return


@app.cell
def _(mg, tape_6):
    for _name in ("head[1,0]", "query[0,0]", "letter[1,0]"):
        log_1, again = (mg.Log(), tape_6.copy())
        again.forget()
        mg.grad(again["L"], again[_name], log=log_1)
        print(f"∂L/∂{_name}: {len(log_1.visited)} of {len(again)} nodes visited")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Step 2: arrays

    The same model, line for line. A row stands for a place of the word; the mask lets each place see those before it. What were
    thousands of nodes are some sixty, and the derivatives are the same numbers.
    """)
    return


@app.cell
def _(D, L_4, first, mg, np, pairs, weights):
    def scaled_rows(x):
        return x / np.sqrt(np.sum(x * x, axis=1, keepdims=True) / D + 1e-05)

    def softmax_rows(x, mask=1.0):
        powers = np.exp(x) * mask
        return powers / np.sum(powers, axis=1, keepdims=True)

    def probabilities(w, letters):
        count = len(letters)
        x = w["letter"][letters] + w["place"][:count]
        h = scaled_rows(x)
        scores = h @ w["query"].T @ (h @ w["key"].T).T / np.sqrt(D)
        attention = softmax_rows(scores, np.tri(count))
        x = x + attention @ (h @ w["value"].T) @ w["mix"].T
        x = x + np.maximum(scaled_rows(x) @ w["widen"].T, 0.0) @ w["narrow"].T
        return softmax_rows(x @ w["head"].T)

    def loss_of_arrays(w, word):
        letters, following = pairs(word)
        right = probabilities(w, letters)[np.arange(len(letters)), following]
        return -np.sum(np.log(right)) / (len(letters) - 1)

    tape_7 = mg.Tape()
    arrays = {name: tape_7.leaf(w, name=name) for name, w in weights.items()}
    M = loss_of_arrays(arrays, "anna").named("L")
    second = mg.grad(M, arrays)
    print(f"loss {M.value:.6f} from {len(tape_7)} nodes")
    assert np.isclose(L_4.value, M.value, rtol=1e-12)
    for _name in weights:
        np.testing.assert_allclose(second[_name], first[_name], rtol=1e-09, atol=1e-12)
    return M, loss_of_arrays, probabilities, second


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Step 3: a plan

    The function does not change. `value_and_grad` makes the gradient, and `compiled` writes loss and gradient as one plan of plain
    NumPy, in which nothing is recorded any more. The numbers are the same again. `step.plans` holds
    the plan, and `plan.source` is its text.
    """)
    return


@app.cell
def _(M, loss_of_arrays, mg, np, second, weights):
    step = mg.functional.compiled(mg.functional.value_and_grad(loss_of_arrays))
    _loss, third = step(weights, "anna")
    print(f"loss {_loss:.6f}")
    assert np.isclose(_loss, M.value, rtol=1e-12)
    for _name in weights:
        np.testing.assert_allclose(third[_name], second[_name], rtol=1e-09, atol=1e-12)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Now it learns: the mean over all words, by gradient descent.
    """)
    return


@app.cell
def _(WORDS, loss_of_arrays, mg, weights):
    def mean_loss(w):
        return sum(loss_of_arrays(w, word) for word in WORDS) / len(WORDS)

    learn = mg.functional.compiled(mg.functional.value_and_grad(mean_loss))
    learned = {name: w.copy() for name, w in weights.items()}
    for k in range(301):
        _loss, gradient = learn(learned)
        if k % 100 == 0:
            print(f"after {k:3} steps: loss {_loss:.2f}")
        learned = {name: w - 0.2 * gradient[name] for name, w in learned.items()}
    return (learned,)


@app.cell
def _(LETTERS, LONGEST, learned, np, probabilities):
    def most_likely_word(w, begin):
        letters = [LETTERS.index(letter) for letter in f".{begin}"]
        while len(letters) < LONGEST and (letters[-1] or len(letters) == 1):
            letters.append(int(np.argmax(probabilities(w, letters)[-1])))
        return "".join(LETTERS[n] for n in letters).strip(".")

    print(
        *(f"{begin}: {most_likely_word(learned, begin)}" for begin in ("a", "em", "me", "na")),
        sep="\n",
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    **Further.** Change one block of weights and ask again: `mg.grad` keeps what the change did not reach (`examples/blocks.py`).
    Give a word that is too long to see an error that says where. Ask `mg.explain(M, arrays)` whether a derivative is zero, and why.
    """)
    return


if __name__ == "__main__":
    app.run()
