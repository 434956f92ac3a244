"""Calls of PHP and Doctrine by what their result can carry into SQL."""

from __future__ import annotations

from typing import Final

# Calls whose result cannot carry an injection into SQL: quoting, numbers, place-holders, Doctrine's own names.
HARMLESS: Final = frozenset(
    {
        *("intval", "floatval", "boolval", "count", "quote", "quoteidentifier", "quotesingleidentifier"),
        *("time", "mktime", "strtotime", "abs", "ceil", "floor", "round", "strlen", "mb_strlen", "crc32", "bin2hex"),
        *("md5", "sha1", "hash", "random_int", "mt_rand", "rand", "ord", "dechex", "hexdec", "spl_object_id"),
        *("microtime", "uniqid", "hrtime", "number_format", "getprojectdir"),
        *("createnamedparameter", "createpositionalparameter", "literal"),
        *("getrootaliases", "getrootalias", "getentityname", "getclassname"),
    }
)
# Functions whose result is made of their arguments.
MADE_OF_ARGUMENTS: Final = frozenset(
    {
        *("implode", "join", "str_repeat", "array_fill", "rtrim", "ltrim", "trim", "sprintf", "strtolower"),
        *("strtoupper", "dirname", "realpath", "vsprintf", "ucfirst", "lcfirst", "max", "min", "array_merge"),
        *("array_unique", "array_values", "array_filter", "array_reverse", "array_slice", "array_keys", "str_pad"),
        *("substr", "mb_substr", "array_fill_keys", "array_combine", "wordwrap"),
    }
)
TEMPLATES: Final = {"str_replace": 2, "str_ireplace": 2, "preg_replace": 2, "strtr": 0, "substr_replace": 0}
"""The same, by the place of the text that the others are put into: it is read first."""
DATES: Final = frozenset({"date", "gmdate"})
"""What makes a text of a format, the first argument, and of a number."""
OF_QUERIES: Final = frozenset({"getdql", "getsql"})
"""The text of another query, which is judged where it is made."""
MAPPING: Final = "getclassmetadata("
