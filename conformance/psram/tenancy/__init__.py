"""Who owns which data: entities, tables, policies, code that reads them, tests that prove it, the matrix of it all."""

from psram.tenancy.entities import ENTITY, Classes, Entity, entities, places

__all__ = ["ENTITY", "Classes", "Entity", "entities", "places"]
