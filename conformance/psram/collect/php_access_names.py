"""Names by which PHP reaches a database: methods of Doctrine, PDO and the old extensions."""

from __future__ import annotations

import re
from typing import Final

NATIVE: Final = frozenset(
    {
        *("executequery", "executestatement", "executeupdate", "executecachequery", "createnativequery"),
        *("fetchassociative", "fetchnumeric", "fetchallassociative", "fetchallnumeric", "fetchfirstcolumn"),
        *("fetchallkeyvalue", "fetchallassociativeindexed", "iterateassociative", "iteratenumeric"),
        *("iteratekeyvalue", "iteratecolumn", "iterateassociativeindexed"),
    }
)
"""Methods that take SQL first and that no other library has; without an argument they read a result, and are left."""
NATIVE_IF_SQL: Final = frozenset(
    {"query", "exec", "prepare", "fetchone", "fetchassoc", "fetcharray", "fetchcolumn", "fetchall"}
    | {"real_query", "multi_query", "execute_query", "unbuffered_query", "querysingle"}
)
"""Methods that other libraries have as well: only on something that looks like a database, or with readable SQL."""
FUNCTIONS: Final = frozenset(
    {"pg_query", "pg_query_params", "pg_prepare", "pg_send_query", "pg_send_query_params", "mysqli_query"}
    | {"mysqli_prepare", "mysqli_multi_query", "mysqli_real_query", "mysql_query", "mysql_db_query", "odbc_exec"}
    | {"odbc_prepare", "oci_parse", "sqlsrv_query", "sqlsrv_prepare", "db2_exec", "db2_prepare"}
)
CONNECTS: Final = frozenset(
    {
        "mysql_connect",
        "mysql_pconnect",
        "oci_connect",
        "oci_pconnect",
        "sqlsrv_connect",
        "odbc_connect",
        "odbc_pconnect",
    }
    | {"db2_connect", "db2_pconnect", "ibase_connect", "sqlite_open"}
)
"""Functions that open a connection; those of PDO, mysqli and PostgreSQL are marks of the file."""
FILTERS: Final = frozenset({"disable", "suspend", "setparameter", "addfilter"})
HANDLES: Final = frozenset({"getnativeconnection", "getwrappedconnection"})
JOINS: Final = frozenset({"join", "innerjoin", "leftjoin", "rightjoin"})
_TABLES: Final = frozenset({"from", "insert", "update", "delete"})
CREATED: Final = {"entitymanager": "manager", "nativequery": "opaque", "sqlite3": "connect"}
LOOKS_SQL: Final = re.compile(
    r"\s*\(?\s*(select|insert|update|delete|with|alter|create|drop|truncate|set|grant|call|do|lock|copy|merge|reset"
    r"|refresh|show|explain|replace)\b",
    re.IGNORECASE,
)
BULK_DQL: Final = re.compile(r"\s*(?:update|delete)\b", re.IGNORECASE)
DATABASE: Final = re.compile(r"(?i)(?:pdo|dbh?|conn\w*|cnx|base|sql\w*|bdd|link|sgbd|connexion)(?:\(\))?$")
BUILDER: Final = re.compile(
    r"(?i)createquerybuilder|query|requete|builder|\bqb|conn|dbal|db\b|connexion|pdo\b|base\b|sql"
)


METHODS: Final = frozenset(
    name.encode() for name in NATIVE | NATIVE_IF_SQL | FILTERS | HANDLES | JOINS | _TABLES | {"createquery", "create"}
)
_METHOD: Final = re.compile(rb"[-:][>:]\s*(\w+)\s*\(")
_FUNCTION: Final = re.compile(
    rf"(?<![\w$>:\\])({'|'.join(sorted(FUNCTIONS | CONNECTS, key=lambda name: (-len(name), name)))})\s*\(".encode()
)
_FAMILIES: Final = (b"pg_", b"mysql", b"odbc_", b"oci_", b"sqlsrv_", b"db2_", b"ibase_", b"sqlite_")
_CREATED: Final = re.compile(rf"\bnew\s+(\\?(?:\w+\\)*(?:{'|'.join(CREATED)}))\b".encode())
_KIT: Final = re.compile(rb"amcloud\\starterkit\\tenancy\\\w+")
ANY: Final = (
    rb"(?i)[-:][>:][\s\x0b]*(?:"
    + b"|".join(sorted(METHODS))
    + rb")[\s\x0b]*\(|pg_|mysql|odbc_|oci_|sqlsrv_|db2_|ibase_|sqlite_|amcloud\\starterkit|"
    + "|".join(CREATED).encode()
)
"""Without this in a source (:mod:`psram.collect.sieve`), there is no candidate."""
Candidate = tuple[int, int, str]


def candidates(lower: bytes) -> list[Candidate]:
    """Start, end and kind (method, function, created, kit) of names that may reach a database, in a lower-case source.

    Plain searches come first: most files have nothing of the rarer kinds.
    """
    found = [(m.start(1), m.end(1), "method") for m in _METHOD.finditer(lower) if m[1] in METHODS]
    if any(family in lower for family in _FAMILIES):
        found += [(m.start(1), m.end(1), "function") for m in _FUNCTION.finditer(lower)]
    if any(name.encode() in lower for name in CREATED):
        found += [(m.start(1), m.end(1), "created") for m in _CREATED.finditer(lower)]
    if b"amcloud\\starterkit" in lower:
        found += [(m.start(), m.end(), "kit") for m in _KIT.finditer(lower)]
    return sorted(found)
