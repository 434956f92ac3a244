-- Une colonne de plus, avec une valeur par défaut : la révision précédente, qui l'ignore, continue de servir pendant
-- le déploiement.
ALTER TABLE courrier
    ADD COLUMN priorite varchar(10) NOT NULL DEFAULT 'normale' CHECK (priorite IN ('normale', 'urgente'));
