"""Reads what other tools report (JUnit, cobertura…): hostile bytes in, bounded values out, or a French refusal."""
