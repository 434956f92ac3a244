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
    | {"db2_connect", "db2_pconnect", "ibase_connect", "sqlite_open", "mysqli_init", "mysqli_real_connect"}
)
"""Functions that open a connection; PDO, ``new mysqli``, mysqli_connect and PostgreSQL's are marks of the file."""
FILTERS: Final = frozenset({"disable", "suspend", "setparameter", "addfilter"})
HANDLES: Final = frozenset({"getnativeconnection", "getwrappedconnection"})
JOINS: Final = frozenset({"join", "innerjoin", "leftjoin", "rightjoin"})
_TABLES: Final = frozenset({"from", "insert", "update", "delete"})
CREATES: Final = frozenset({"createtable", "addsql"})
"""What a migration of Doctrine's calls to make a table."""
SCHEMA: Final = re.compile(r"(?i)schema\w*(?:\(\))?$")
CREATED_TABLE: Final = re.compile(
    r"\s*CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w$.\"`]{1,130})", re.IGNORECASE
)
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
    name.encode()
    for name in NATIVE
    | NATIVE_IF_SQL
    | FILTERS
    | HANDLES
    | JOINS
    | _TABLES
    | CREATES
    | {"createquery", "create", "real_connect"}
)
_METHOD: Final = re.compile(rb"[-:][>:]\s*(\w+)\s*\(")
_FUNCTION: Final = re.compile(
    rf"(?<![\w$>:\\])({'|'.join(sorted(FUNCTIONS | CONNECTS, key=lambda name: (-len(name), name)))})\s*\(".encode()
)
_CREATED: Final = re.compile(rf"\bnew\s+(\\?(?:\w+\\)*(?:{'|'.join(CREATED)}))\b".encode())
_KIT: Final = re.compile(rb"(amcloud\\starterkit\\tenancy\\\w+)")
_LOOKS: Final = {
    # without this pattern in a source, that one finds nothing that counts
    rb"(?i)[-:][>:][\s\x0b]*(?:" + b"|".join(sorted(METHODS)) + rb")[\s\x0b]*\(": ("method", _METHOD),
    rb"(?i)(?:" + "|".join(sorted(FUNCTIONS | CONNECTS)).encode() + rb")[\s\x0b]*\(": ("function", _FUNCTION),
    rb"(?i)\bnew[\s\x0b]+[\w\\]*(?:" + "|".join(CREATED).encode() + rb")\b": ("created", _CREATED),
    rb"(?i)amcloud\\starterkit\\tenancy": ("kit", _KIT),
}
PATTERNS: Final = tuple(_LOOKS)
"""What tells most sources apart (:mod:`psram.collect.sieve`)."""
Candidate = tuple[int, int, str]


def candidates(lower: bytes, held: frozenset[bytes]) -> list[Candidate]:
    """Start, end and kind (method, function, created, kit) of names that may reach a database.

    ``lower`` is the source in lower case, ``held`` which of :data:`PATTERNS` it holds.
    """
    return sorted(
        (found.start(1), found.end(1), kind)
        for pattern, (kind, look) in _LOOKS.items()
        if pattern in held
        for found in look.finditer(lower)
        if kind != "method" or found[1] in METHODS
    )
