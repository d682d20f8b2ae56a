"""Damaged bytes of a file, for tests of the code that reads such files."""

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, content: bytes, fragments: list[bytes], characters: bytes) -> bytes:
    """Draw the content with up to three runs of bytes replaced by fragments, characters, or any bytes."""
    written = bytearray(content)
    others = st.sampled_from([b"", *fragments, *(bytes([character]) for character in characters)])
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(written)))
        written[begin : begin + draw(st.integers(0, 8))] = draw(others | st.binary(max_size=4))
    return bytes(written)
