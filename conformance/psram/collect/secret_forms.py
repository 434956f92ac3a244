"""Secrets that their own form gives away, whatever name they are under: keys and tokens of known services."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Form(NamedTuple):
    """``kind`` is said to people; ``head`` is what a content that holds one holds (:mod:`psram.collect.sieve`)."""

    kind: str
    head: bytes
    pattern: re.Pattern[bytes]


FORMS: Final = (
    Form(
        "clé privée",
        b"PRIVATE KEY",
        re.compile(
            rb"-----BEGIN (?:[A-Z]{2,10} )?PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|['\".+,]){1,80}"
            rb"(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash)[^\n]{0,200}\s{1,40}){0,4}[A-Za-z0-9+/]{16,200}"
        ),
    ),
    # the same key in base64: its PEM form, or its binary one (PKCS#1, PKCS#8)
    Form(
        "clé privée",
        b"LS0tLS1CRUdJTi|MII",
        re.compile(
            rb"(?<![A-Za-z0-9+/])(?:LS0tLS1CRUdJTi[A-Za-z0-9+/]{3,16}(?:UFJJVkFURSBLRV|QUklWQVRFIEtFW|BSSVZBVEUgS0VZ)"
            rb"|MII[A-Za-z0-9+/]{3}IBA(?:AKC|DANBgkqhkiG9w0BAQEF))[A-Za-z0-9+/]{16,4000}"
        ),
    ),
    Form(
        "clé privée",
        b"PuTTY-User-Key",
        re.compile(rb"PuTTY-User-Key-File-\d: [^\0]{1,4000}?Private-Lines: \d+\s"),
    ),
    Form("jeton de dépôt", b":_auth", re.compile(rb":_auth\s{0,4}=\s{0,4}[\"']?[A-Za-z0-9+/=_-]{12,400}")),
    Form(
        "jeton de forge",
        b"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-",
        re.compile(rb"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,64}"),
    ),
    Form(
        "jeton de forge",
        b"gh[pousr]_|github_pat",
        re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,90})"),
    ),
    Form("clé d'accès infonuagique", b"AKIA|ASIA", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Form("clé d'accès infonuagique", b"AIza", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b")),
    Form("jeton de messagerie", b"xox", re.compile(rb"\bxox[abprs]-[0-9A-Za-z-]{10,80}")),
    Form("clé de paiement", b"k_live_", re.compile(rb"\b[sr]k_live_[0-9A-Za-z]{20,60}")),
    Form(
        "jeton JWT",
        b"eyJ",
        re.compile(rb"\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{20,1000}"),
    ),
    # what posts in a discussion, whoever has its address
    Form(
        "adresse de publication (webhook)",
        b"hooks.slack.com/|/api/webhooks/|/webhookb2/",
        re.compile(
            rb"hooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{6,16}/[A-Z0-9]{6,16}/[A-Za-z0-9/]{16,80}"
            rb"|discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/[\w-]{40,90}"
            rb"|[\w-]{1,60}\.webhook\.office\.com/webhookb2/[\w-]{36}@[\w-]{36}/\w{1,40}/[0-9a-f]{32}"
        ),
    ),
    Form("jeton de messagerie", b"SG\\.|xkeysib-", re.compile(rb"\bSG\.[\w-]{22}\.[\w-]{43}|\bxkeysib-[a-f0-9]{64}")),
    Form(
        "jeton de dépôt",
        b"npm_[A-Za-z0-9]|pypi-Ag|dckr_pat_",
        re.compile(rb"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgEIcHlwaS5vcmc[\w-]{50,200}|dckr_pat_[\w-]{20,40})\b"),
    ),
    Form(
        "clé d'accès infonuagique",
        b"AccountKey=|SharedAccessKey=|GOCSPX-|hvs\\.",
        re.compile(
            rb"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{40,90}={0,2}|\bGOCSPX-[\w-]{28}\b|\bhvs\.[A-Za-z0-9_-]{24,120}"
        ),
    ),
    Form("clé d'un modèle de langage", b"sk-ant-|sk-proj-", re.compile(rb"\bsk-(?:ant|proj)-[\w-]{24,200}")),
    Form("clé de chiffrement", b"AGE-SECRET-KEY-1", re.compile(rb"\bAGE-SECRET-KEY-1[0-9A-Z]{50,64}")),
)
