"""A person's own data: numbers from a CSV file, one column of them the target, and texts; read strictly."""

from scratch.tables.files import digest, read_text
from scratch.tables.layout import DELIMITERS, is_number, listed
from scratch.tables.reading import CSV, read_columns, read_csv, read_words

__all__ = [
    "CSV",
    "DELIMITERS",
    "digest",
    "is_number",
    "listed",
    "read_columns",
    "read_csv",
    "read_text",
    "read_words",
]
