"""Tables and paragraphs as text and as HTML."""

from memograd.text import TEXT_WIDTH, table_as_html, table_lines, wrap_text


class TestTableLines:
    def test_columns_are_aligned_as_their_letters_say_with_the_spaces_in_front_of_them(self):
        assert table_lines("  <6>6  <", [("a", 1, "x"), ("b", 20, "y")]) == [
            "  a          1  x",
            "  b         20  y",
        ]

    def test_a_column_is_as_wide_as_its_longest_cell(self):
        assert table_lines("<2 >2", [("long", 1), ("b", 1000)]) == ["long    1", "b    1000"]

    def test_a_row_may_be_short_and_no_line_ends_in_spaces(self):
        assert table_lines("<4 <4 <4", [("a", "", ""), ("b",), ("c", "d", "e")]) == [
            "a",
            "b",
            "c    d    e",
        ]

    def test_braces_in_a_cell_are_text(self):
        assert table_lines("<", [("{0}",)]) == ["{0}"]

    def test_no_rows(self):
        assert table_lines("<4", []) == []


class TestWrapText:
    def test_a_word_longer_than_a_line_is_not_cut(self):
        assert wrap_text("a " + 100 * "b") == ["a", 100 * "b"]

    def test_indents_count(self):
        lines = wrap_text(" ".join(100 * ["word"]), "  ", "    ")
        assert lines[0].startswith("  word") and lines[1].startswith("    word")
        assert TEXT_WIDTH - 5 < max(map(len, lines)) <= TEXT_WIDTH

    def test_no_line_ends_at_a_no_break_space(self):
        text = f"{(TEXT_WIDTH - 2) * 'a'} b\N{NO-BREAK SPACE}c"
        assert wrap_text(text) == [(TEXT_WIDTH - 2) * "a", "b c"]


class TestTableAsHtml:
    def test_a_paragraph_is_neither_cut_nor_put_on_one_line(self):
        html = table_as_html("", ["n"], [100 * "<" + "\n"], lambda cell: (cell,), paragraphs=True)
        assert f"<td>{100 * '&lt;'}<br></td>" in html and "caption" not in html

    def test_other_cells_are_short_and_on_one_line(self):
        html = table_as_html("c", ["n"], [100 * "a" + "\n"], lambda cell: (cell,))
        assert "…" in html and "\n" not in html and "<caption>c</caption>" in html
