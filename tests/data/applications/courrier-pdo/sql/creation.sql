CREATE TABLE `courriers` (
  `id` int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `objet` varchar(200) NOT NULL,
  `service_id` int DEFAULT NULL,
  `statut` varchar(10) NOT NULL DEFAULT 'recu',
  `recu_le` date NOT NULL
) ENGINE=InnoDB;
CREATE TABLE `services` (`id` int NOT NULL PRIMARY KEY, `nom` varchar(80) NOT NULL);
CREATE TABLE `pieces` (`id` int NOT NULL PRIMARY KEY, `courrier_id` int NOT NULL, `nom` varchar(120));
CREATE TABLE `journal` (`quoi` varchar(80));
