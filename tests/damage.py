"""Damage to the bytes of a file, for the tests of those that read files."""

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, content: bytes, pieces: list[bytes], characters: bytes) -> bytes:
    """Draw the content with up to three runs of its bytes replaced: by pieces, characters, or any bytes."""
    written = bytearray(content)
    others = st.sampled_from([b"", *pieces, *(bytes([character]) for character in characters)])
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(written)))
        written[begin : begin + draw(st.integers(0, 8))] = draw(others | st.binary(max_size=4))
    return bytes(written)
