"""The reader of passenger tables, its messages, and the scaling of the features."""

import io
import math
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from hypothesis import example, given
from hypothesis import strategies as st

from titanic.passengers import DataError, Passenger, Passengers, Scaling, embedded, load

COURSE = """\
PassengerId,Survived,Pclass,Age,Price
1,0,3,22.0,7.25
2,1,1,38.0,71.2833
4,1,1,35.0,26.55
"""
KAGGLE = '''\
PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked
1,0,3,"Braund, Mr. Owen Harris",male,22,1,0,A/5 21171,7.25,,S
2,1,1,"Cumings, Mrs. John Bradley (Florence Briggs Thayer)",female,38,1,0,PC 17599,71.2833,C85,C
6,0,3,"Moran, Mr. James",male,,0,0,330877,8.4583,,Q
29,1,3,"O'Dwyer, Miss. Ellen ""Nellie""",female,24,0,0,330959,7.8792,,Q
'''
SEABORN = """\
survived,pclass,sex,age,sibsp,parch,fare,embarked,class,who,adult_male,deck,embark_town,alive,alone
0,3,male,22.0,1,0,7.25,S,Third,man,True,,Southampton,no,False
1,1,female,38.0,1,0,71.2833,C,First,woman,False,C,Cherbourg,yes,False
0,3,male,,0,0,8.4583,Q,Third,man,True,,Queenstown,no,True
"""
OPENML = """\
"pclass","survived","name","sex","age","sibsp","parch","ticket","fare","cabin","embarked","boat","body","home.dest"
1,1,"Allen, Miss. Elisabeth Walton","female",29,0,0,"24160",211.3375,"B5","S","2",?,"St Louis, MO"
1,1,"Allison, Master. Hudson Trevor","male",0.9167,1,2,"113781",151.55,"C22 C26","S","11",?,"Montreal, PQ"
3,0,"Storey, Mr. Thomas","male",60.5,0,0,"3701",?,?,"S",?,261,?
1,0,"Baumann, Mr. John D","male",?,0,0,"PC 17318",25.925,?,"S",?,?,"New York, NY"
"""
FORMATS = (COURSE, KAGGLE, SEABORN, OPENML)


class Reader:
    """Reads bytes or text through a file, as the command does."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "table.csv"

    def __call__(self, table: str | bytes) -> Passengers:
        self.path.write_bytes(table.encode() if isinstance(table, str) else table)
        return load(self.path)

    def error(self, table: str | bytes) -> str:
        """The message of the DataError, from the file's name on."""
        with pytest.raises(DataError) as caught:
            self(table)
        message = str(caught.value)
        assert message.isprintable()
        return message[message.index("table.csv") :]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("tables"))


def variance(passengers: Passengers) -> float:
    return float(np.var(passengers.y))


def least_squares_error(passengers: Passengers) -> float:
    """The mean squared error of the best prediction that is linear in the features."""
    A = np.column_stack([passengers.X, np.ones(len(passengers))])
    weights = np.linalg.lstsq(A, np.array(passengers.y), rcond=None)[0]
    return float(np.mean((A @ weights - passengers.y) ** 2))


# Common tables


def test_the_embedded_passengers_are_those_of_the_list() -> None:
    passengers = embedded()
    assert len(passengers) == 58 and passengers.skipped == 0
    assert passengers.rows[0] == Passenger(22.0, 3, 0, 7.25, "Braund, Owen")
    assert passengers.rows[42] == Passenger(28.5, 3, 0, 7.2292, "Novel, Mansouer")
    assert passengers.rows[57] == Passenger(32.0, 3, 1, 56.4958, "Bing, Lee")
    assert variance(passengers) == pytest.approx(1432.8, abs=0.05)
    assert least_squares_error(passengers) == pytest.approx(852.2, abs=0.05)


@pytest.mark.course_table
def test_the_course_table_has_714_passengers(course_table: Path) -> None:
    passengers = load(course_table)
    assert len(passengers) == 714 and passengers.skipped == 0
    assert variance(passengers) == pytest.approx(456.7, abs=0.05)
    assert least_squares_error(passengers) == pytest.approx(251.5, abs=0.05)


def test_the_course_format_is_read(read: Reader) -> None:
    assert read(COURSE).rows == (
        Passenger(22.0, 3, 0, 7.25),
        Passenger(38.0, 1, 1, 71.2833),
        Passenger(35.0, 1, 1, 26.55),
    )


def test_the_kaggle_format_is_read_with_its_quoted_names(read: Reader) -> None:
    passengers = read(KAGGLE)
    assert passengers.rows == (
        Passenger(22.0, 3, 0, 7.25, "Braund, Mr. Owen Harris"),
        Passenger(38.0, 1, 1, 71.2833, "Cumings, Mrs. John Bradley (Florence Briggs Thayer)"),
        Passenger(24.0, 3, 1, 7.8792, 'O\'Dwyer, Miss. Ellen "Nellie"'),
    )
    assert passengers.skipped == 1


def test_the_seaborn_format_is_read_by_its_pclass_and_not_its_worded_class(read: Reader) -> None:
    passengers = read(SEABORN)
    assert passengers.rows == (Passenger(22.0, 3, 0, 7.25), Passenger(38.0, 1, 1, 71.2833))
    assert passengers.skipped == 1
    assert read(SEABORN.replace("Third", "steerage")).rows == passengers.rows


def test_the_openml_format_is_read_with_its_question_marks(read: Reader) -> None:
    passengers = read(OPENML)
    assert passengers.rows == (
        Passenger(29.0, 1, 1, 211.3375, "Allen, Miss. Elisabeth Walton"),
        Passenger(0.9167, 1, 1, 151.55, "Allison, Master. Hudson Trevor"),
    )
    assert passengers.skipped == 2


# What the rest of the program uses


def test_X_holds_age_class_survival_and_y_the_price(read: Reader) -> None:
    passengers = read(COURSE)
    assert passengers.X == [[22.0, 3.0, 0.0], [38.0, 1.0, 1.0], [35.0, 1.0, 1.0]]
    assert passengers.y == [7.25, 71.2833, 26.55]
    assert all(type(x) is float for row in passengers.X for x in row)


def test_first_keeps_the_first_passengers_and_what_was_read(read: Reader) -> None:
    passengers = read(KAGGLE)
    first = passengers.first(2)
    assert first.rows == passengers.rows[:2]
    assert (first.source, first.skipped) == (passengers.source, 1)
    assert passengers.first(100) == passengers


@pytest.mark.parametrize("n", [0, -1])
def test_first_refuses_to_give_none(n: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        embedded().first(n)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.BytesIO(COURSE.encode("utf-8-sig"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin, encoding="ascii"))
    passengers = load("-")
    assert len(passengers) == 3
    assert passengers.source == "standard input"


@pytest.mark.parametrize("stdin", [None, io.TextIOWrapper(io.BytesIO())])
def test_closed_or_empty_standard_input_is_an_error(
    stdin: io.TextIOWrapper | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(DataError, match=r"^standard input: is empty; give a CSV file"):
        load(Path("-"))


# The header


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_most_common_delimiter_in_the_header_is_used(delimiter: str, read: Reader) -> None:
    table = delimiter.join(["Age", "Class", "Survived", "Price", '"a,b;c\t"']) + "\n"
    table += delimiter.join(["22", "3", "0", "7.25", '"x, y; z\t"']) + "\n"
    assert read(table).rows == (Passenger(22.0, 3, 0, 7.25),)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_the_header_decides_the_delimiter(end: str, read: Reader) -> None:
    rows = ["", "name;age;class;survived;fare", "A,,,,,,,,,,;22;3;0;7.25", ""]
    assert read(end.join(rows)).rows == (Passenger(22.0, 3, 0, 7.25, "A,,,,,,,,,,"),)


def test_case_white_space_and_order_of_the_header_do_not_matter(read: Reader) -> None:
    assert read(' SURVIVED , "Ticket\n Price",P class,\xa0aGe,Name \n1,5,2,30,A\n').rows == (
        Passenger(30.0, 2, 1, 5.0, "A"),
    )


@pytest.mark.parametrize(
    ("header", "passenger"),
    [
        ("age,survived,class,pclass,fare", Passenger(30.0, 2, 1, 10.0)),
        ("age,survived,class,fare,ticket price", Passenger(30.0, 3, 1, 10.0)),
        ("age,survived,class,ticket price,price", Passenger(30.0, 3, 1, 10.0)),
        ("age,survived,class,fare,price", Passenger(30.0, 3, 1, 10.0)),
    ],
)
def test_the_preferred_name_wins_wherever_it_stands(header: str, passenger: Passenger, read: Reader) -> None:
    # Class 3 or 2 and the price 10 stand in the later of the two columns that could be meant.
    cells = "30,1,3,2,10" if "pclass" in header else "30,1,3,99,10"
    assert read(f"{header}\n{cells}\n").rows == (passenger,)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("years,class,survived,fare", "line 1: no column for the age; call it age"),
        ("age,cls,survived,fare", "line 1: no column for the class; call it pclass or class"),
        ("age,class,alive,fare", "line 1: no column for the survival; call it survived"),
        ("age,class,survived,cost", "line 1: no column for the price; call it price or ticket price or fare"),
        ("age", "line 1: no column for the class; call it pclass or class"),
    ],
)
def test_a_missing_column_is_named(header: str, message: str, read: Reader) -> None:
    assert read.error(f"{header}\n1,1,1,1\n") == f"table.csv, {message}"


@pytest.mark.parametrize("twice", ["age", "AGE ", "fare", "survived", "class", "name"])
def test_a_column_named_twice_is_an_error(twice: str, read: Reader) -> None:
    message = read.error(f"name,age,class,survived,fare,{twice}\nA,1,1,1,1,1\n")
    assert message == f"table.csv, line 1, column {twice.strip()}: appears 2 times; rename all but one"


def test_a_column_that_is_not_needed_may_be_named_twice(read: Reader) -> None:
    assert len(read("x,x,class,class,pclass,age,survived,fare\n0,0,a,b,1,2,0,3\n")) == 1


# Encodings, line ends, blank lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_names_survive_each_encoding(encoding: str, read: Reader) -> None:
    table = "name;age;class;survived;fare\nBjörk – Åström;1;1;1;1\n"
    assert read(table.encode(encoding)).rows[0].name == "Björk – Åström"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("table", FORMATS)
def test_line_ends_do_not_matter(table: str, end: str, read: Reader) -> None:
    assert read(table.replace("\n", end)) == read(table)
    assert read(table.replace("\n", end).removesuffix(end)) == read(table)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_messages_count_the_lines_of_the_file(end: str, read: Reader) -> None:
    lines = ["", "name,age,class,survived,fare", "", '"one', "", 'two",1,1,1,1', " ", "A,x,1,1,1", ""]
    assert read.error(end.join(lines)).startswith("table.csv, line 8, column age: 'x'")


def test_blank_lines_are_ignored(read: Reader) -> None:
    passengers = read("\n  \n" + COURSE.replace("\n", "\n\n \t\n") + ",,,,\n\n")
    assert passengers == read(COURSE)


def test_a_name_over_several_lines_becomes_one_line(read: Reader) -> None:
    table = 'age,class,survived,fare,name\n1,1,1,1,"Braund,\r\n  Owen\x1b[2J"\n'
    assert read(table).rows[0].name == "Braund, Owen [2J"


def test_white_space_around_cells_does_not_matter(read: Reader) -> None:
    table = 'name, age, class, survived, fare\n "Braund, Owen" , 22 ,\t3, 0 ,7.25\xa0\n'
    with pytest.raises(DataError, match="is not CSV"):
        read(table)
    assert read(table.replace('" ,', '",')).rows == (Passenger(22.0, 3, 0, 7.25, "Braund, Owen"),)


# Numbers and words


def row(age: str = "22", pclass: str = "3", survived: str = "0", fare: str = "7.25") -> str:
    return f"Age\tPclass\tSurvived\tFare\n1\t1\t1\t1\n{age}\t{pclass}\t{survived}\t{fare}\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [("22", 22), ("0", 0), (".5", 0.5), ("5.", 5), ("+4", 4), ("1e2", 100), ("2.5E-1", 0.25), ("007", 7)],
)
def test_numbers_are_read(text: str, number: float, read: Reader) -> None:
    assert read(row(age=text, fare=text)).rows[1] == Passenger(number, 3, 0, number)


NOT_AMOUNTS = [
    "-1", "-0.5", "inf", "-inf", "Infinity", "1e999", "1e101", "1_000", "1,5", "1.234,5", "0x10", "٣", "²",
    "1 000", "1..5", ".", "e5", "-nan", "None", "null", "--1", "First", "1j", "$5", "x",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_AMOUNTS)
@pytest.mark.parametrize(("column", "quantity"), [("age", "age"), ("fare", "price")])
def test_anything_but_an_amount_is_an_error(text: str, column: str, quantity: str, read: Reader) -> None:
    assert read.error(row(**{column: text})) == (
        f"table.csv, line 3, column {column.title()}: {text!r} cannot be the {quantity}; "
        "write a number from 0 to 1e100, or nothing if it is unknown"
    )


@pytest.mark.parametrize("text", ["", "?", "NA", "NaN", "nan", "na", " nAn "])
def test_a_row_without_age_or_price_is_skipped_and_counted(text: str, read: Reader) -> None:
    for table in (row(age=text), row(fare=text), row(age=text, fare=text)):
        passengers = read(table)
        assert (len(passengers), passengers.skipped) == (1, 1)


@pytest.mark.parametrize("text", ["", "?", "NA", "NaN", "4", "0", "1.5", "-1", "inf", "Fourth", "1st", "one"])
def test_anything_but_a_class_is_an_error(text: str, read: Reader) -> None:
    assert read.error(row(pclass=text)) == (
        f"table.csv, line 3, column Pclass: {text!r} cannot be the class; "
        "write 1, 2 or 3, or First, Second or Third"
    )


@pytest.mark.parametrize("text", ["", "?", "NA", "NaN", "2", "-1", "0.5", "True", "yes", "First"])
def test_anything_but_0_or_1_is_an_error_for_survival(text: str, read: Reader) -> None:
    expected = f"table.csv, line 3, column Survived: {text!r} cannot be the survival; write 0 or 1"
    assert read.error(row(survived=text)) == expected


def test_a_row_to_be_skipped_is_checked_too(read: Reader) -> None:
    assert "line 3, column Survived" in read.error(row(age="", survived=""))
    assert "line 3, column Fare" in read.error(row(age="", fare="x"))


@pytest.mark.parametrize(
    ("text", "pclass"),
    [("First", 1), ("second", 2), (" THIRD ", 3), ("1", 1), ("2.0", 2), ("3e0", 3)],
)
def test_classes_are_numbers_or_words(text: str, pclass: int, read: Reader) -> None:
    assert read(row(pclass=text)).rows[1].pclass == pclass
    assert type(read(row(pclass=text)).rows[1].pclass) is int


@pytest.mark.parametrize(("text", "survived"), [("0", 0), ("1", 1), ("0.0", 0), ("1.0", 1)])
def test_survival_is_0_or_1(text: str, survived: int, read: Reader) -> None:
    assert read(row(survived=text)).rows[1].survived == survived


def test_a_semicolon_file_may_have_decimal_commas(read: Reader) -> None:
    table = "name;age;class;survived;fare\nBraund, Owen;28,5;3,0;0;7.25\n"
    assert read(table).rows == (Passenger(28.5, 3, 0, 7.25, "Braund, Owen"),)
    assert "'1.234,5' cannot be the price" in read.error(table.replace("7.25", "1.234,5"))


def test_a_long_cell_is_shortened_in_the_message(read: Reader) -> None:
    assert len(read.error(row(age="9" * 100_000 + "x"))) < 200


def test_sums_of_squares_of_accepted_numbers_are_finite(read: Reader) -> None:
    passengers = read(row(age="1e100", fare="1e100"))
    assert math.isfinite(sum(price**2 for price in passengers.y))
    assert math.isfinite(sum(age**2 for age, _, _ in passengers.X))


# Files that are not tables


@pytest.mark.parametrize(
    ("cells", "count"), [("1\t1\t1", 3), ("1\t1\t1\t1\t", 5), ("1", 1), ("1\t1\t1\t1\t1\t1", 6)]
)
def test_a_row_of_the_wrong_length_is_an_error(cells: str, count: int, read: Reader) -> None:
    message = read.error(row() + cells + "\n")
    assert message.startswith(f"table.csv, line 4: {count} cells, but the header has 4; write as many")


@pytest.mark.parametrize("table", [b"", b"\n\n", b" \r\n\t\r\n", b"\xef\xbb\xbf", b",,,\n"])
def test_an_empty_file_is_an_error(table: bytes, read: Reader) -> None:
    expected = "table.csv: is empty; give a CSV file with a header and a row for each passenger"
    assert read.error(table) == expected


def test_a_header_alone_is_an_error(read: Reader) -> None:
    assert read.error(COURSE.splitlines()[0]).startswith(
        "table.csv: no passengers: there is no row below the header"
    )


def test_a_table_of_skipped_rows_is_an_error(read: Reader) -> None:
    table = "age,class,survived,fare\n,1,1,1\n1,1,1,\n"
    assert read.error(table).startswith("table.csv: no passengers: every row lacks an age or a price")


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 3),
        (COURSE.encode() + b"5,0,3,\0,8", 5),
        (COURSE.encode("utf-16"), 1),
        (COURSE.encode("utf-16-le"), 1),
        (COURSE.encode("utf-32"), 1),
        (COURSE.encode() + b"\x81", 5),
    ],
)
def test_what_is_not_text_is_an_error(table: bytes, line: int, read: Reader) -> None:
    assert read.error(table).startswith(f"table.csv, line {line}: is not text in UTF-8 or Windows-1252")
    assert read.error(table).endswith("save the table as CSV in UTF-8")


@pytest.mark.parametrize("cell", ['"unclosed\n\n', '"closed" too early', "x" * 200_000])
@pytest.mark.parametrize("table", [KAGGLE, KAGGLE.replace(",", "\t")])
def test_a_broken_row_is_reported_where_it_begins(table: str, cell: str, read: Reader) -> None:
    message = read.error(table + cell + "\n")
    assert message.startswith("table.csv, line 6: the row that begins here is not CSV (")
    assert message.endswith("; look for a missing or extra quotation mark")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="Windows has no such device")
def test_an_endless_file_is_an_error() -> None:
    expected = "/dev/zero: is larger than 50 megabytes; give a table of fewer passengers"
    with pytest.raises(DataError, match=f"^{expected}$"):
        load("/dev/zero")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    advice = "; give the path of a CSV file, or - for standard input"
    for path, reason in (
        (tmp_path / "none.csv", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / ("x" * 1000), "File name too long"),
    ):
        with pytest.raises(DataError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: {reason}{advice}"


def test_a_file_without_permission_is_an_error(
    tmp_path: Path, ordinary_user: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(COURSE)
    path.chmod(0)
    with ordinary_user(), pytest.raises(DataError, match="Permission denied; give the path"):
        load(path)


def test_a_path_that_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    for name in (b"two\nlines", b"\x1b[2J", b"not-utf-8-\xff"):
        with pytest.raises(DataError) as caught:
            load(tmp_path / os.fsdecode(name))
        assert str(caught.value).isprintable()


# Whatever the bytes


@st.composite
def damaged_tables(draw: st.DrawFn) -> bytes:
    """A valid table in some dialect, in which some runs of bytes have been replaced by others."""
    table = draw(st.sampled_from(FORMATS)).replace(",", draw(st.sampled_from(",;\t")))
    table = table.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    content = table.encode(draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    return draw(damaged(content, [b"nan", b"\xff"], b',;\t"\n\r-.e9?'))


@given(table=st.binary(max_size=300) | damaged_tables())
@example(table=b"age,class,survived,fare\n-0,1.0,-0,1e100\n")
def test_any_bytes_give_passengers_or_one_line(table: bytes, read: Reader) -> None:
    try:
        passengers = read(table)
    except DataError as error:
        assert str(error).startswith(str(read.path))
        assert str(error).isprintable() and len(str(error)) < len(str(read.path)) + 250
        return
    assert len(passengers) > 0
    for passenger in passengers.rows:
        assert 0 <= passenger.age <= 1e100 and 0 <= passenger.price <= 1e100
        assert passenger.pclass in (1, 2, 3) and passenger.survived in (0, 1)
        assert passenger.name.isprintable()


amounts = st.floats(0, 1e100)
passengers_of_any_kind = st.builds(
    Passenger,
    age=amounts,
    pclass=st.integers(1, 3),
    survived=st.integers(0, 1),
    price=amounts,
    name=st.text(st.characters(categories=["L", "N", "P", "S"])),
)


@given(rows=st.lists(passengers_of_any_kind, min_size=1, max_size=5), delimiter=st.sampled_from(",;\t"))
def test_what_is_written_is_read_back(rows: list[Passenger], delimiter: str, read: Reader) -> None:
    table = delimiter.join(["name", "age", "class", "survived", "fare"]) + "\n"
    for one in rows:
        name = '"' + one.name.replace('"', '""') + '"'
        table += delimiter.join(map(str, [name, one.age, one.pclass, one.survived, one.price])) + "\n"
    assert read(table).rows == tuple(rows)


# Scaling


def test_scaled_columns_have_mean_0_and_population_deviation_1() -> None:
    X = embedded().X
    scaled = np.array(Scaling.of(X).apply(X))
    assert scaled.shape == (58, 3)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-14)


def test_the_scaling_agrees_with_numpy() -> None:
    X = embedded().X
    np.testing.assert_allclose(Scaling.of(X).means, np.mean(X, axis=0), rtol=1e-14)
    np.testing.assert_allclose(Scaling.of(X).deviations, np.std(X, axis=0), rtol=1e-14)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, 28.5, 1e-300, 1e100, 1e200])
@pytest.mark.parametrize("n", [1, 3, 10, 49])
def test_a_column_without_spread_becomes_0(constant: float, n: int) -> None:
    X = [[constant, 3.0, 1.0]] * n
    assert Scaling.of(X) == Scaling((constant, 3.0, 1.0), (1.0, 1.0, 1.0))
    assert Scaling.of(X).apply(X) == [[0.0, 0.0, 0.0]] * n


@given(rows=st.lists(passengers_of_any_kind, min_size=1, max_size=20))
def test_scaled_features_are_finite_and_no_larger_than_twice_the_root_of_n(rows: list[Passenger]) -> None:
    X = Passengers(tuple(rows), "a test", 0).X
    # In exact numbers it is once; a rounded mean counts where ages differ in their last digits alone.
    for row in Scaling.of(X).apply(X):
        assert all(abs(x) <= 2 * math.sqrt(len(rows)) for x in row)


def test_the_identity_leaves_the_features_as_they_are() -> None:
    X = embedded().X
    assert Scaling.identity().apply(X) == X
